"""The tree as arrays: how it is made of a file, of rows or of a graph, and how its nodes are numbered."""

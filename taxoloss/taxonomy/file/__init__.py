"""The file of a taxonomy: text to rows of nodes, and back. Imports errors and taxonomy.names."""

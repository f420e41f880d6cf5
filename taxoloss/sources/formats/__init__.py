"""A reader for each format that people have a tree in."""

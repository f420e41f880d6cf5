"""The loss where nodes have several parents: what they reach is no range of classes, but a list."""

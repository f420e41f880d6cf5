"""Another version of a tree: what changed, and what that means for a trained head."""

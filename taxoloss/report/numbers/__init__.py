"""What a report counts: gathered once from all rows, then summed up the tree."""

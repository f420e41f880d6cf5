"""What all metrics share: exact sums, a batch computed once, curves, pictures."""

"""What a step of the loss costs: `python -m benchmarks` measures, benchmarks/results holds the numbers."""

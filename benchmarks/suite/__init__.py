"""What `python -m benchmarks` runs: cases, the measuring, and the page made from the results."""

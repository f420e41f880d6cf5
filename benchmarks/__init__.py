"""What things cost: `python -m benchmarks` measures a step of the loss (suite), results holds the numbers.

scripts holds measurements that stand alone.
"""

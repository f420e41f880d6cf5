"""Measurements that stand alone: each prints its numbers (`python -m benchmarks.scripts.NAME`)."""

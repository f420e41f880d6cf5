"""Predictions in a file, and their scores. Imports taxonomy, functional, metrics, decisions."""

"""Predictions in a file, and their scores. Imports errors, taxonomy, functional, metrics, decisions."""

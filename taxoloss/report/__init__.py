"""One page that shows where a hierarchical classifier is right, nearly right, and wrong.

Imports errors, taxonomy, functional, metrics, decisions, evaluation.
"""

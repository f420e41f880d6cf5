"""Trainings whose results a page of docs/ shows."""

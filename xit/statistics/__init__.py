"""Scores to numbers: gains with intervals, power, scaling laws, and the verdicts on claims."""

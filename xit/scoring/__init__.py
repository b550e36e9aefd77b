"""Predictions against right answers: the metrics of the benchmarks, submissions, and the benchmarks themselves."""

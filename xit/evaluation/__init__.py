"""Checkpoints on tasks: scores, submissions, breakdowns by bucket, and checklists."""

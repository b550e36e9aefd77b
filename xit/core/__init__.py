"""What every package shares: errors, files, settings, tasks, examples, conditions, scores; it imports no other."""

"""The training loop, and what it trains: masked LM, tasks, and mixtures of both."""

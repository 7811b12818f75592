"""SSH agents: ours, which serves session keys from memory, and the user's own, lent on request."""

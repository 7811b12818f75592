"""Staying with a session: what it does, what the user types meanwhile, and when to leave."""

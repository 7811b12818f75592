"""Connections to sessions: who holds them, what keeps them up, whom they trust."""

"""What listens in a session and what of it is forwarded, and which local port that gets."""

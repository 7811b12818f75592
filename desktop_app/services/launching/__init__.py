"""Launching a session, and the profiles of launches."""

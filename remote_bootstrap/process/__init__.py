"""Processes of a session, and their end."""

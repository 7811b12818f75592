"""The cards of a session's page."""

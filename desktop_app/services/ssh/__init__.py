"""How the user's own ssh, editors and programs get to a session."""

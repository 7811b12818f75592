"""Steps of a session start that are not applications."""

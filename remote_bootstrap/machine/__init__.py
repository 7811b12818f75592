"""The machine that a session runs on: its network, memory, folders, git."""

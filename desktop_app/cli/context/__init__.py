"""What every command is given: the core, and which accounts and sessions it is about."""

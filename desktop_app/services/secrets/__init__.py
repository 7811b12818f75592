"""Keys, passwords and what of a person's own goes to a session; and keeping all of it out of the log."""

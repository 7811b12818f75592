"""Keys, passwords and git logins in the keyring, and keeping all of them out of the log."""

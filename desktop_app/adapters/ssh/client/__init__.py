"""What lets the user's own OpenSSH into sessions: configuration files, aliases, options."""

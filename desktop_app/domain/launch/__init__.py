"""What a session is launched with: options, their rules, profiles."""

"""Sessions, problems and transfers as lines for the user and as JSON for programs. Knows no core."""

"""Sessions as data: what the server and our connection say of one, and what follows."""

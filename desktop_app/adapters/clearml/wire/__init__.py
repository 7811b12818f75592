"""HTTP to a ClearML API server: where it is, whom it trusts, who signs in."""

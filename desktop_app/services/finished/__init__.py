"""Sessions that have ended: their list, launching them again, deleting and forgetting them."""

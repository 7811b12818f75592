"""What of the user's own goes into which session, by consent."""

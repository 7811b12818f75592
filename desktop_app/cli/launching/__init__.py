"""Launching a session: its options, those of an earlier one, the queue, the questions before it."""

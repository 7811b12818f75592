"""Threads and their end: jobs, shutdown, the watch for wake and network changes."""

"""One ClearML account: its API over HTTP, and the script of a session's task."""

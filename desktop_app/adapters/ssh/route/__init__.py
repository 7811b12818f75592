"""The way to a session's machine: the user's ssh configuration, jump hosts and proxies."""

"""Python environments and the cache of what was installed."""

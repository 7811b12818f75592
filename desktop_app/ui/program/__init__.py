"""From a new process to a window that works, and out of it again."""

"""Why something does not work: the staged look at a connection, failed tasks, and who asks for it."""

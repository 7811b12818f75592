"""One session's context and what keeps its applications running."""

"""One session's connection: dialled, believed, kept up, and what is forwarded through it."""

"""Files of a session's machine: SFTP over a connection of its own."""

"""SSH with paramiko: the connection to a session's machine; the sub-rooms are what runs over it."""

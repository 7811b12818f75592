"""SSH with paramiko: the connection to a session's machine; the packages in it are what runs over it."""

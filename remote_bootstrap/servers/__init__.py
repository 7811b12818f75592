"""The SSH servers and what a login runs: OpenSSH's sshd, the asyncssh server, the session's shell."""

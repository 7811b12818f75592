"""End-to-end: the real window, server, agent, sshd, JupyterLab, code-server and browser."""

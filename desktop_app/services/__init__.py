"""The work between the ports: no Qt, no paramiko, no HTTP."""

"""The work between the faces and the boundary: no Qt, no paramiko, no HTTP."""

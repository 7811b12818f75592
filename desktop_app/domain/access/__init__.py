"""How a session is reached and used: routes, ports, ssh, programs."""

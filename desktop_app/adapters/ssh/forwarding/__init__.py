"""Ports through one SSH connection: the forwarding engine, reverse forwards and the SOCKS proxy."""

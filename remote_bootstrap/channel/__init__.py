"""The control channel: the programs that speak over it, and what may be asked."""

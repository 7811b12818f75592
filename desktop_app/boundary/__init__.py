"""What the services need of the outside world, as Protocols: one file for each neighbour."""

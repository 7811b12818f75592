"""SSH's packets and channels over a socket."""

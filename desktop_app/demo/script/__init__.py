"""What happens in the demo: its sessions as data, the agents that move them along, and the world set up with them."""

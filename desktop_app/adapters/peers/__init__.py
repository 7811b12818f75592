"""Other processes of ours on this computer: who owns what, and what they may ask."""

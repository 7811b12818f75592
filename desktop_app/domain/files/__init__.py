"""Files of a session's machine and what moves between the two computers."""

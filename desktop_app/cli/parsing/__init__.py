"""How a command line is read: the parser and its texts, the flags, the launch options, completion."""

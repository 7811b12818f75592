"""The command line. Each command is a function of a context and its arguments, registered with its parser.

From the bottom: terminal, views and parsing, context, launching and following, registry, commands, arguments, main.
"""

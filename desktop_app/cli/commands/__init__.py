"""The commands, one file per group.

Each file has functions ``add…(commands)`` that register a command with its parser, and the functions that run them:
``(context, arguments) -> exit code``.
"""

"""What the user can do with a session: as entries of menus and buttons, as remedies of problems, and as work."""

"""SessionDock: the program on the user's computer."""

__version__ = "0.1.0"
APP_ID = "io.sessiondock.SessionDock"
APP_NAME = "SessionDock"

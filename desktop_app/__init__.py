"""SessionDock: the program on the user's computer."""

__version__ = "0.1.0"
APP_ID = "io.sessiondock.SessionDock"
APP_NAME = "SessionDock"
SANDBOX_SERVE = "sandbox-serve"  # the frozen executable's way to run what "python -m desktop_app.sandbox serve" runs

"""What every part of the remote program shares: how it says something to the user, and what an installation that can't
be made raises."""

from typing import Callable

Log = Callable[[str], None]


class InstallError(RuntimeError):
    """An application can't be installed here; the text says why and what would help."""

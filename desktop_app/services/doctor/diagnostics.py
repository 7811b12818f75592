"""What someone who helps needs to know first: versions and system, one line, nothing personal. Pure; any thread."""

import platform
import sys
from importlib import metadata

from desktop_app import APP_NAME, __version__

LIBRARIES = ("PySide6-Essentials", "paramiko", "cryptography", "keyring", "httpx")


def about() -> str:
    """Return the first line of each run's log."""
    kind = "frozen" if getattr(sys, "frozen", False) else "from source"
    libraries = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    return f"{APP_NAME} {__version__} ({kind}), Python {platform.python_version()}, {platform.platform()}; {libraries}"


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "unknown"  # a frozen app carries no metadata of some

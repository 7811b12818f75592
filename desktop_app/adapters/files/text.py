"""Small text files that people choose. Any thread; blocks."""

from pathlib import Path

from desktop_app.domain.launch.chosen_text import UnreadableText, read_chosen
from desktop_app.domain.problems import failure
from desktop_app.private_files import write_private


class TextFiles:
    """Implements ``boundary.computer.TextFiles``."""

    def read(self, path: Path) -> str:
        """Problems: profile.unreadable"""
        try:
            return read_chosen(path)
        except UnreadableText as error:
            raise failure("profile.unreadable", path=path, why=error.why) from None

    def write(self, path: Path, text: str) -> Path:
        """Replace the file in one step; where it is now. Problems: file.unwritable"""
        path = path.expanduser()
        try:
            write_private(path, text)
        except OSError as error:
            raise failure("file.unwritable", path=path, why=error.strerror or str(error)) from None
        return path

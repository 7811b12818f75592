"""Programs of this computer: where they are, how they are started, which terminals there are. Any thread."""

from collections.abc import Sequence

from desktop_app.adapters import os as system
from desktop_app.adapters.os import programs
from desktop_app.boundary.computer import Programs
from desktop_app.domain.access.open_in import Opener


class LocalPrograms(Programs):
    """Those of this system."""

    def find(self, opener: Opener) -> str:
        return programs.find(opener)

    def start(self, program: str, arguments: Sequence[str]) -> bool:
        return programs.start(program, arguments)

    def terminals(self) -> tuple[str, ...]:
        return system.terminals()

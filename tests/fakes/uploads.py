"""outside.UploadMemory in memory."""

from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import AppError, Problem


class FakeUploads:
    """What launches still have to upload; shared by the cores of one world."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Wanted, ...]] = {}
        self.problem: Problem | None = None  # while set: nothing can be taken out

    def sessions(self) -> tuple[str, ...]:
        return tuple(self.rows)

    def of(self, session: str) -> tuple[Wanted, ...]:
        return self.rows.get(session, ())

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None:
        self.rows[session] = uploads

    def drop(self, session: str) -> bool:
        if self.problem is not None:
            raise AppError(self.problem)
        return self.rows.pop(session, None) is not None

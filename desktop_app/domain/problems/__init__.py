"""Everything that can go wrong, in words for users: one row per code, in a file per subject.

Pure data, any thread. Adapters raise ``AppError(problem(...))``; nothing above an adapter sees a foreign exception.
"""

from dataclasses import replace
from types import MappingProxyType

from desktop_app.domain.problems import access, computer, connection, server, session
from desktop_app.domain.problems.problem import MAX_TOLD, AppError, Cancelled, Problem, Remedy, Retry, told

__all__ = ["MAX_TOLD", "TABLE", "AppError", "Cancelled", "Problem", "Remedy", "Retry", "failure", "problem"]

# {name} placeholders are filled by problem(); a missing one is an error in our code.
_ROWS = (*server.ROWS, *session.ROWS, *connection.ROWS, *access.ROWS, *computer.ROWS)
TABLE = MappingProxyType({row.code: row for row in _ROWS})


def problem(code: str, *, cause: str = "", **values: object) -> Problem:
    """Return the problem of the table's row ``code`` with its placeholders filled.

    Raises KeyError for an unknown code or a missing placeholder: both are our own mistakes.
    """
    row = TABLE[code]
    filled = {name: told(value) for name, value in values.items()}
    return replace(row, title=row.title.format(**filled), detail=row.detail.format(**filled).strip(), cause=told(cause))


def failure(code: str, *, cause: str = "", **values: object) -> AppError:
    """Return the problem as an exception, ready to raise. Raises KeyError, see ``problem``."""
    return AppError(problem(code, cause=cause, **values))

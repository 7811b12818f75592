"""Questions to one server that do not depend on each other, asked at the same time: a slow server is waited for once.

Any thread. Each group of questions has at most ``MOST`` (the asker's own thread takes the first), and all of them have
ended when ``ask`` returns: their calls watch the asker's Cancel and its deadline by themselves.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from desktop_app.domain.problems import AppError, Cancelled

MOST = 5

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Question(Generic[T]):
    """One of them. ``about`` names its thread; ``ask`` does the call."""

    def __init__(self, about: str, ask: Callable[[], T]) -> None:
        self.about = about
        self._ask = ask
        self._answer: T | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Ask, and keep what comes of it."""
        try:
            self._answer = self._ask()
        except (AppError, Cancelled) as error:
            self._error = error
        except Exception as error:  # thread boundary; whoever wants the answer gets it, too
            _log.exception("asking a server for %s failed", self.about)
            self._error = error

    @property
    def answer(self) -> T:
        """Return the answer, after ``ask``. Raises what the call raised."""
        if self._error is not None:
            raise self._error
        return cast(T, self._answer)


def ask(*questions: Question[Any]) -> None:
    """Block until all are answered; raise what the first of those that failed, in their order, says."""
    assert len(questions) <= MOST
    threads = [
        threading.Thread(target=question.run, name=f"ask-{question.about}", daemon=True) for question in questions[1:]
    ]
    for thread in threads:
        thread.start()
    for question in questions[:1]:
        question.run()
    for thread in threads:
        thread.join()
    for question in questions:
        _ = question.answer

"""The parts of the fake core that count how often a person looks, and tell of accounts. GUI thread."""

from collections.abc import Callable


class Glanced:
    glances = 0

    def glance(self) -> None:
        self.glances += 1


class AccountNews:
    """Tells the window that an account has changed, as the real one does."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[str], None]] = []

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def tell(self, account: str) -> None:
        for callback in tuple(self._callbacks):
            callback(account)

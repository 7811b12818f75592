"""The sandbox of this computer, over ``desktop_app.sandbox``. Thread-safe.

``sandbox.launch`` is imported late on purpose: with its web framework it costs every start 0.13 s.
"""

import threading
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import Sandbox
from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account
from desktop_app.domain.problems import failure
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.leases import Lease

START_S = 90.0  # the first start installs an agent


class LocalSandbox(Sandbox):
    """The sandbox in that folder. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._lease: Lease | None = None

    def ensure(self, access_key: str, secret: str, cancel: Cancel) -> tuple[Account, str]:
        from desktop_app.sandbox import launch  # late on purpose: see above

        cancel.check()
        timeout = cancel.remaining(START_S)
        try:
            info = launch.ensure_running(
                self._home, timeout=timeout, access_key=access_key, secret_key=secret, check=cancel.check
            )
        except (launch.SandboxError, OSError) as error:
            raise failure("sandbox.failed", why=str(error)) from None
        return Account(SANDBOX_ID, SANDBOX_LABEL, info.api_url, info.access_key), info.secret_key

    def address(self) -> str:
        from desktop_app.sandbox import launch  # late on purpose: see above

        info = launch.status(self._home)
        return info.api_url if info else ""

    def stop(self) -> bool:
        from desktop_app.sandbox import launch  # late on purpose: see above

        self.release()
        try:
            return launch.stop(self._home)
        except (launch.SandboxError, OSError) as error:
            raise failure("sandbox.failed", why=str(error)) from None

    def hold(self) -> None:
        with self._lock:
            if self._lease is None:
                self._lease = Lease(Home(self._home.absolute()))

    def release(self) -> None:
        with self._lock:
            if self._lease is not None:
                self._lease.release()
                self._lease = None

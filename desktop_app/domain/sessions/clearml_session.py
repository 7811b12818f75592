"""Sessions that the clearml-session command (or ClearML's own applications) made: where they say that they are. Pure.

Names and precedence are that tool's: it looks at the task's runtime properties first, then at what Kubernetes' agent
wrote, then at what the session itself found out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from remote_bootstrap import contract
from remote_bootstrap.contract.apps import JUPYTERLAB, SSH, VSCODE
from remote_bootstrap.contract.clearml_session import (
    ASKS_JUPYTER,
    ASKS_VSCODE,
    FAILED_PORT,
    PROPERTY_ADDRESS,
    PROPERTY_JUPYTER,
    PROPERTY_OUTER_PORT,
    PROPERTY_PORT,
    PROPERTY_VSCODE,
    RUNTIME_ADDRESS,
    RUNTIME_INNER_PORT,
    RUNTIME_OUTER_PORT,
    RUNTIME_PORT,
    RUNTIME_USER,
)

DEFAULT_USER = "root"

# Application -> the tool's parameter that asks for it.
ASKED = {JUPYTERLAB.key: ASKS_JUPYTER, VSCODE.key: ASKS_VSCODE}
# What a poll reads of the runtime properties: no secret is among them.
RUNTIME_PLACES = (RUNTIME_ADDRESS, RUNTIME_OUTER_PORT, RUNTIME_INNER_PORT, RUNTIME_PORT, RUNTIME_USER)
# What the tool leaves in the task for all to read, and how users call it.
EXPOSED = {"_user_secret": "your ClearML API secret", "_git_credentials": "your git credentials"}

# SHA-256 fingerprints of the host keys that every clearml-session uses; their private halves are in its source.
PUBLISHED_KEYS = (
    "SHA256:O2++ST5lAGVoredT1hqlAyTowgNwlnNRJrwE8cbMLo0",
    "SHA256:D7CcYsGHNaxvJIOeHrO++GpcDZ3iI2EsaSmGgA61UzI",
    "SHA256:7Km+DT3w7fliQqC8RRyEQ4NqaDi9X67Za22PD7Jk8T4",
)


@dataclass(frozen=True, slots=True)
class ClearmlSession:
    """``port`` 0 = not published yet; applications' ports: 0 = not there (yet), FAILED_PORT = could not start."""

    address: str = ""
    port: int = 0
    inner_port: int = 0  # of SSH on the machine itself
    user: str = DEFAULT_USER
    jupyter_port: int = 0
    vscode_port: int = 0
    awaited: tuple[str, ...] = ()  # applications that were asked for, whether there or not

    @property
    def ready(self) -> bool:
        return bool(self.address and self.port)

    def report(self) -> contract.Report | None:
        """Return what our own sessions would report; None before it is reachable."""
        if not self.ready:
            return None
        ports = {JUPYTERLAB.key: self.jupyter_port, VSCODE.key: self.vscode_port}
        apps = {key: _app(port) for key, port in ports.items() if port or key in self.awaited}
        apps[SSH.key] = contract.AppReport(contract.APP_READY, "", self.inner_port or self.port)
        return contract.Report(contract.READY, "", len(apps), apps)


def _app(port: int) -> contract.AppReport:
    if port == FAILED_PORT:
        return contract.AppReport(contract.APP_FAILED, "It could not be started; the log may say why.")
    if not port:
        return contract.AppReport(contract.APP_STARTING, "clearml-session has not started it yet.")
    return contract.AppReport(contract.APP_READY, "", port)


@dataclass(frozen=True, slots=True)
class ClearmlSessionLogin:
    """What the task tells all who can read it. ``exposed``: what of the user's lies in it, in words."""

    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    exposed: tuple[str, ...] = ()


def session_of(
    runtime: Mapping[str, object], properties: Mapping[str, str], asked: Mapping[str, str] = MappingProxyType({})
) -> ClearmlSession:
    """Return the session that the task describes. ``asked``: the tool's parameters.

    Any member of the workspace can write all of these: what is no address, port or name counts as absent.
    """

    def port(*texts: object) -> int:
        return next((found for text in texts if (found := _port(text))), 0)

    inner = port(runtime.get(RUNTIME_INNER_PORT), properties.get(PROPERTY_PORT), runtime.get(RUNTIME_PORT))
    address = _first(
        runtime.get(RUNTIME_ADDRESS), properties.get("k8s-gateway-address"), properties.get(PROPERTY_ADDRESS)
    )
    outer = (
        runtime.get(RUNTIME_OUTER_PORT), properties.get("k8s-pod-port"), properties.get(PROPERTY_OUTER_PORT), inner,
    )  # fmt: skip
    user = str(runtime.get(RUNTIME_USER) or DEFAULT_USER)
    return ClearmlSession(
        address if contract.usable_address(address) else "",
        port(*outer) if inner else 0,  # the outer port is known before the server is up
        inner,
        user if contract.usable_user(user) else DEFAULT_USER,
        _port(properties.get(PROPERTY_JUPYTER), FAILED_PORT),
        _port(properties.get(PROPERTY_VSCODE), FAILED_PORT),
        tuple(key for key, name in ASKED.items() if contract.param_true(asked.get(name), False)),
    )


def _first(*texts: object) -> str:
    return next((text for value in texts if (text := str(value or "").strip())), "")


def _port(value: object, failed: int = 0) -> int:
    text = str(value or "").strip()
    if text == str(FAILED_PORT):
        return failed
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 65536 else 0

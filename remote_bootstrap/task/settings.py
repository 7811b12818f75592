"""What the task asks for, read from its hyper-parameters. Pure; values come as text that users may have edited."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, Mapping, Tuple

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import user_home

DEFAULT_SSH_PORT = 10022
LAST_PORT = 65535


class SettingsError(ValueError):
    """The task's parameters can't be used; the text says which and why."""


@dataclass(frozen=True)
class Settings:
    """The parameters of section ``sessiondock``; ``raw`` keeps those that belong to one application."""

    authorized_key: str
    user_folder: Path
    address: str = ""  # "" = find out
    gateway_port: int = 0  # where ``address`` leads to the SSH server; 0 = the server's own port
    public_ip: bool = False  # ask the internet for the address
    router: bool = False  # ask ClearML's router for a route
    ssh_ports: Tuple[int, int] = (DEFAULT_SSH_PORT, LAST_PORT)  # the first and the last to try
    raw: Dict[str, str] = field(default_factory=dict)

    def enabled(self, key: str) -> bool:
        """True if application ``key`` is wanted; on unless the task says otherwise."""
        return contract.param_true(self.raw.get(key), True)

    def option(self, key: str, name: str) -> str:
        """Return ``<key>_<name>``, "" if not given."""
        return self.raw.get("%s_%s" % (key, name), "").strip()


def parse(parameters: Mapping[str, str]) -> Settings:
    """Read a task's hyper-parameters. Raises SettingsError."""
    raw = {str(name): str(value) for name, value in parameters.items()}
    key = raw.get(contract.PARAM_AUTHORIZED_KEY, "").strip()
    if not key or "\n" in key:
        raise SettingsError("the task has no usable public key in %s/authorized_key" % contract.SECTION)
    try:
        contract.fingerprint(key)
    except contract.ContractError as error:
        raise SettingsError("the task's authorized_key can't be used: %s" % error) from error
    address, gateway_port = _gateway(raw)
    router = contract.param_true(raw.get(contract.PARAM_ROUTER), False)
    # A router finds the session by itself, whatever the machine's public address is.
    public = contract.param_true(raw.get("public_ip"), False) and not router
    return Settings(key, _folder(raw), address, gateway_port, public, router, _ports(raw), raw)


def with_assigned_port(wanted: Settings, assigned: str) -> Settings:
    """Return the settings with the port that the task was given from outside (ClearML Enterprise, Kubernetes) as the
    first one to try."""
    port = _number(assigned.strip())
    return replace(wanted, ssh_ports=(port, LAST_PORT)) if 0 < port <= LAST_PORT else wanted


def _folder(raw: Mapping[str, str]) -> Path:
    """Return the folder to work in; one that can't be made is a mistake worth stopping for, not a reason to use
    another."""
    given = raw.get("user_folder", "").strip()
    if not given:
        return user_home()
    try:
        folder = user_home() / Path(given).expanduser()
    except RuntimeError as error:
        raise SettingsError("the folder %s (user_folder) can't be used: %s" % (given, error)) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("the folder %s (user_folder) can't be used: %s" % (folder, error.strerror)) from error
    return folder


def _ports(raw: Mapping[str, str]) -> Tuple[int, int]:
    """Read the ports from ``a`` (and what follows) or ``a:b``."""
    given = raw.get("ssh_port", "").strip()
    first, _, last = given.partition(":")
    if not given:
        return DEFAULT_SSH_PORT, LAST_PORT
    ports = _number(first), _number(last) if last else LAST_PORT
    if not 0 < ports[0] <= ports[1] <= LAST_PORT:
        raise SettingsError("ssh_port is %r, not a port or a range of ports such as 10022:15000" % given)
    return ports


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _gateway(raw: Mapping[str, str]) -> Tuple[str, int]:
    """Read ``address`` or ``address:port``; an IPv6 address with a port stands in brackets."""
    given = raw.get("remote_gateway", "").strip()
    host, colon, port = given.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return given.strip("[]"), 0
    if not 0 < _number(port) <= LAST_PORT or not host:
        raise SettingsError("remote_gateway is %r, not an address with a port" % given)
    return host.strip("[]"), int(port)

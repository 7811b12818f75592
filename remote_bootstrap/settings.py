"""What the task asks for, read from its hyper-parameters. Pure; values come as text that people may have edited."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping

from remote_bootstrap import contract
from remote_bootstrap.folders import user_home

DEFAULT_SSH_PORT = 10022


class SettingsError(ValueError):
    """The task's parameters can't be used; the text says which and why."""


@dataclass(frozen=True)
class Settings:
    """The parameters of section ``sessiondock``; ``raw`` keeps those that belong to one application."""

    authorized_key: str
    user_folder: Path
    address: str = ""  # "" = find out
    ssh_port: int = DEFAULT_SSH_PORT
    raw: Dict[str, str] = field(default_factory=dict)

    def enabled(self, key: str) -> bool:
        """Whether application ``key`` is wanted; on unless the task says otherwise."""
        return contract.param_true(self.raw.get(key), True)

    def option(self, key: str, name: str) -> str:
        """``<key>_<name>``, "" if not given."""
        return self.raw.get("%s_%s" % (key, name), "").strip()


def parse(parameters: Mapping[str, str]) -> Settings:
    """Raises SettingsError."""
    raw = {str(name): str(value) for name, value in parameters.items()}
    key = raw.get(contract.PARAM_AUTHORIZED_KEY, "").strip()
    if not key or "\n" in key:
        raise SettingsError("the task has no usable public key in %s/authorized_key" % contract.SECTION)
    try:
        contract.fingerprint(key)
    except contract.ContractError as error:
        raise SettingsError("the task's authorized_key can't be used: %s" % error) from error
    return Settings(key, _folder(raw), raw.get("address", "").strip(), _port(raw), raw)


def _folder(raw: Mapping[str, str]) -> Path:
    """The folder to work in; one that can't be made is a mistake worth stopping for, not a reason to use another."""
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


def _port(raw: Mapping[str, str]) -> int:
    given = raw.get("ssh_port", "").strip()
    if not given:
        return DEFAULT_SSH_PORT
    if not given.isdigit() or not 0 < int(given) < 65536:
        raise SettingsError("ssh_port is %r, not a port number" % given)
    return int(given)

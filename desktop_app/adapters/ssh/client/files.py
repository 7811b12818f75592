"""What OpenSSH needs beside the agent to enter one session: its files, and the options that name them. Any thread.

No secret is in any of them. The same options are a command line ("Copy ssh command") and, in ``alias_file``, an
entry of our ssh config file.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from desktop_app.adapters.os.start import NO_WINDOW
from desktop_app.adapters.ssh.keys import KEY_TYPE
from desktop_app.private_files import write_private


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """``agent``: the address of the agent; the public key names the key to use, known_hosts the one to accept.
    ``forwarded``: the agent that ``ssh -A`` lends to the session, "" where this ssh can't be told."""

    agent: str
    public_key: Path
    known_hosts: Path
    host_alias: str
    forwarded: str = ""


def client_files(folder: Path, name: str, agent: str) -> ClientFiles:
    """Return where ``name``'s files are, which has to be fit for a file name. Runs ``ssh -V``, once."""
    public = folder / f"{name}.pub"
    forwarded = users_agent(public) if forwards_by_path() else ""
    return ClientFiles(agent, public, folder / f"{name}.known_hosts", f"sessiondock-{name}", forwarded)


def users_agent(otherwise: Path) -> str:
    """Return the user's own agent; without one a file that is there and is none, so that ssh -A lends nothing."""
    own = os.environ.get("SSH_AUTH_SOCK", "")
    return own if own and "\n" not in own and Path(own).exists() else otherwise.as_posix()


@lru_cache(maxsize=1)
def forwards_by_path() -> bool:
    """True if this computer's ssh can be told which agent to forward: OpenSSH 8.2. An older one calls that an error."""
    try:
        asked = subprocess.run(
            ["ssh", "-V"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            creationflags=NO_WINDOW,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return can_forward_by_path(asked.stderr + asked.stdout)


def can_forward_by_path(version: str) -> bool:
    found = re.search(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= (8, 2)


def write_client_files(files: ClientFiles, public_key: str, host_key: str) -> None:
    """Write the files; the host key is filed under an alias, not under the port, so that it stays right when that
    moves. OSError"""
    files.public_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, host = (" ".join(line.split()[:2]) for line in (public_key, host_key))
    for path, line in ((files.public_key, key), (files.known_hosts, f"{files.host_alias} {host}")):
        text = line + "\n"
        if not path.exists() or path.read_text("utf-8") != text:
            write_private(path, text.encode("ascii"))


def session_options(files: ClientFiles) -> dict[str, str]:
    """Return the options for our key and our host key, without a prompt, and no other way to log in."""
    return {
        "IdentityAgent": quoted(files.agent.replace("\\", "/")),  # a pipe on Windows
        "IdentityFile": quoted(files.public_key.as_posix()),
        "IdentitiesOnly": "yes",
        "PreferredAuthentications": "publickey",
        "UserKnownHostsFile": quoted(files.known_hosts.as_posix()),
        "GlobalKnownHostsFile": "none",
        "HostKeyAlias": files.host_alias,
        "HostKeyAlgorithms": KEY_TYPE.decode(),
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
    }


def forward_options(files: ClientFiles) -> list[tuple[str, str]]:
    """Return the options that keep forwarding off unless -A is given, and then forward the user's own agent: without
    the second line ssh forwards the one that IdentityAgent names, which holds the key to this very session."""
    return [("ForwardAgent", "no"), *([("ForwardAgent", quoted(files.forwarded))] if files.forwarded else [])]


def ssh_options(files: ClientFiles) -> list[str]:
    """Return options for ssh, scp and sftp that leave the user's own configuration out."""
    options = [*session_options(files).items(), *forward_options(files)]
    return ["-F", "none", *(word for key, value in options for word in ("-o", f"{key}={value}"))]


def ssh_command_line(port: int, user: str, files: ClientFiles) -> list[str]:
    """Return the argv of an ssh to the session through our local port; works while the session is attached."""
    return ["ssh", *ssh_options(files), "-p", str(port), f"{user}@127.0.0.1"]


def quoted(text: str) -> str:
    """Return a path as OpenSSH's option parser wants it: quoted, percent signs doubled."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'

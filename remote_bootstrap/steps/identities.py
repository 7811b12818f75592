"""Whose name the session's programs act under: files for git and for the clearml SDK, empty of secrets at first.

Environment variables name these files from the start, so that kernels and shells that run already see what is
delivered later. All are in the session's folder, for this user only, and go with it. Any thread.
"""

import json
import os
from pathlib import Path
from typing import Dict, Mapping

from remote_bootstrap.machine import git
from remote_bootstrap.machine.folders import private, user_home, write_private
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.report import TaskFacts

CONFIG_VARIABLE = "CLEARML_CONFIG_FILE"


def prepare(context: Context, api_host: str, facts: TaskFacts) -> None:
    """Lay the files down and let the environment point at them."""
    home = private(context.home)
    write_private(home / "git-settings", "")
    write_private(home / "gitconfig", git.config_text(home))
    hosts = {"api_server": api_host, "web_server": facts.web_host, "files_server": facts.files_host}
    write_private(context.folder / "hosts.json", json.dumps({name: host for name, host in hosts.items() if host}))
    write_clearml(context, "", "")
    private(context.agent_socket.parent)
    # Named even while no agent is forwarded: that of the ClearML agent's own user must not serve strangers.
    ssh_agent = {"SSH_AUTH_SOCK": str(context.agent_socket)}
    context.changes.give({CONFIG_VARIABLE: str(clearml_file(context)), **ssh_agent, **git.variables(home)})


def clearml_file(context: Context) -> Path:
    return context.home / "clearml.conf"


def write_clearml(context: Context, access_key: str, secret_key: str) -> None:
    """Write the session's clearml.conf: the machine's settings (storage and the like) with the user's key, or with
    none."""
    hosts: Dict[str, str] = json.loads((context.folder / "hosts.json").read_text("utf-8"))
    write_private(clearml_file(context), clearml_text(machine_file(os.environ), hosts, access_key, secret_key))


def machine_file(environment: Mapping[str, str]) -> Path:
    """Return the agent's own configuration."""
    named = environment.get(CONFIG_VARIABLE) or environment.get("TRAINS_CONFIG_FILE")
    return Path(named).expanduser() if named else user_home() / "clearml.conf"


def clearml_text(machine: Path, hosts: Mapping[str, str], access_key: str, secret_key: str) -> str:
    """Return it as HOCON; JSON's way of quoting is one of its own."""
    lines = ["# Of this session only. Without a key, SessionDock was not asked to deliver yours."]
    if machine.is_file():
        lines.append("include file(%s)" % json.dumps(str(machine)))
    lines += ["api.%s = %s" % (name, json.dumps(host)) for name, host in hosts.items()]
    key = {"access_key": access_key, "secret_key": secret_key}
    lines += ["api.credentials.%s = %s" % (name, json.dumps(value)) for name, value in key.items()]
    return "\n".join(lines) + "\n"

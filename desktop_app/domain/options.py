"""LaunchSpec: one field per launch option; the field's metadata is the option table.

Everything else is derived from it: wizard pages, validation, the command line's flags, task parameters, the profile
file. Adding an option is adding one field here. Pure data, any thread.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from remote_bootstrap.apps import jupyterlab, vscode

METADATA_KEY = "option"
MAX_NAME = 200


class Keep(Enum):
    """What of a launch is remembered for the next one."""

    PROFILE = "profile"
    NEVER = "never"


class Page(Enum):
    """The wizard page (and the help group) that an option lives on; the value is the title."""

    WHERE = "Where it runs"
    WHAT = "What it starts"
    ENVIRONMENT = "Its environment"


@dataclass(frozen=True, slots=True)
class Option:
    """One launch option. ``param`` is the hyper-parameter in section ``sessiondock``, "" = not a parameter but another
    part of the task (name, project, queue, container, requirements)."""

    label: str
    help: str
    page: Page
    flag: str
    param: str = ""
    choices: str = ""  # where choices come from: "queues"
    multiline: bool = False
    advanced: bool = False
    keep: Keep = Keep.PROFILE
    check: Callable[[Any], str] = field(default=lambda _value: "", compare=False)


def _opt(default: Any, option: Option) -> Any:
    return field(default=default, metadata={METADATA_KEY: option})


def clean_line(text: str) -> str:
    """One printable line: newlines and control characters become blanks, ends are trimmed."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def _check_name(value: str) -> str:
    line = clean_line(value)
    if len(line) < 3:
        return "Give the session a name of at least three characters."
    return f"The name is longer than {MAX_NAME} characters." if len(line) > MAX_NAME else ""


def _check_project(value: str) -> str:
    if len(clean_line(value)) < 3:
        return "Give the project a name of at least three characters."
    return ""


def _check_queue(value: str) -> str:
    return "" if value.strip() else "Choose the queue that the session waits in."


def _check_image(value: str) -> str:
    if value and re.search(r"\s", value.strip()):
        return "A docker image name has no blanks, for example python:3.12 or nvcr.io/nvidia/pytorch:24.05-py3."
    return ""


# PEP 508's name and extras, then anything up to a comment; URLs and paths are the agent's business.
_REQUIREMENT = re.compile(
    r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[^\]]*\])?\s*([<>=!~;@ ].*)?|(git\+|https?:).+)$"
)


def split_packages(text: str) -> tuple[str, ...]:
    """Requirement lines: one per line, or several on one line separated by commas or blanks where unambiguous."""
    found: list[str] = []
    for raw in text.splitlines():
        line = raw.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        one = _REQUIREMENT.match(line) and (not re.search(r"[\s,]", line) or re.search(r"[;@<>=!~]", line))
        found += [line] if one else [part for part in re.split(r"[\s,]+", line) if part]
    return tuple(found)


def _check_packages(value: str) -> str:
    bad = [line for line in split_packages(value) if not _REQUIREMENT.match(line)]
    return f"“{clean_line(bad[0])}” is not a package requirement such as torch==2.5 or tqdm." if bad else ""


def _check_folder(value: str) -> str:
    return "A folder is one line of text." if re.search(r"[\r\n\0]", value) else ""


def _check_version(value: str) -> str:
    if value and not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+!-]*", value):
        return "Give a version such as 4.6.6, or leave this empty for the default."
    return ""


def _check_port(value: int) -> str:
    return "" if 1 <= value <= 65535 else "A port is a number from 1 to 65535."


@dataclass(frozen=True, kw_only=True)
class LaunchSpec:
    """Everything that a launch needs besides the account."""

    queue: str = _opt(
        "",
        Option("Queue", "The ClearML queue that the session waits in; an agent that serves it runs the session.",
               Page.WHERE, "--queue", choices="queues", check=_check_queue),
    )  # fmt: skip
    name: str = _opt(
        "Interactive session",
        Option("Session name", "How the session is called in the list and in ClearML.", Page.WHERE, "--session-name",
               check=_check_name),
    )  # fmt: skip
    project: str = _opt(
        "DevOps",
        Option("Project", "The ClearML project that holds the session's task; it is made if it does not exist.",
               Page.WHERE, "--project", check=_check_project),
    )  # fmt: skip
    jupyterlab: bool = _opt(
        True,
        Option("JupyterLab", "Start JupyterLab in the session.", Page.WHAT, "--jupyter-lab", jupyterlab.SPEC.key),
    )
    vscode: bool = _opt(
        True,
        Option("VS Code", "Start VS Code in the browser (code-server) in the session.", Page.WHAT, "--vscode-server",
               vscode.SPEC.key),
    )  # fmt: skip
    jupyterlab_version: str = _opt(
        "",
        Option("JupyterLab version", "A version such as 4.6.6; empty: the newest that SessionDock was tested with.",
               Page.WHAT, "--jupyter-lab-version", "jupyterlab_version", advanced=True, check=_check_version),
    )  # fmt: skip
    vscode_version: str = _opt(
        "",
        Option("VS Code version", "A code-server version; empty: the newest that SessionDock was tested with.",
               Page.WHAT, "--vscode-version", "vscode_version", advanced=True, check=_check_version),
    )  # fmt: skip
    docker: str = _opt(
        "",
        Option("Docker image", "The image to run in, where the agent uses Docker; empty: the agent's own.",
               Page.ENVIRONMENT, "--docker", check=_check_image),
    )  # fmt: skip
    packages: str = _opt(
        "",
        Option("Python packages", "Packages to install for your code, one per line, such as torch==2.5.",
               Page.ENVIRONMENT, "--packages", multiline=True, check=_check_packages),
    )  # fmt: skip
    user_folder: str = _opt(
        "",
        Option("Base folder", "The remote folder that the applications open; empty: the home folder.",
               Page.ENVIRONMENT, "--user-folder", "user_folder", advanced=True, check=_check_folder),
    )  # fmt: skip
    ssh_port: int = _opt(
        10022,
        Option("Remote SSH port", "The first port that the session's SSH server tries on the remote machine.",
               Page.ENVIRONMENT, "--remote-ssh-port", "ssh_port", advanced=True, check=_check_port),
    )  # fmt: skip


def options() -> Mapping[str, Option]:
    """Field name -> its row, in the order of the fields."""
    return {f.name: f.metadata[METADATA_KEY] for f in dataclasses.fields(LaunchSpec)}


def defaults() -> LaunchSpec:
    return LaunchSpec()


def normalised(spec: LaunchSpec) -> LaunchSpec:
    """The spec with one-line fields on one line and ends trimmed."""
    table = options()
    changes: dict[str, Any] = {}
    for name, option in table.items():
        value = getattr(spec, name)
        if isinstance(value, str):
            changes[name] = value.strip() if option.multiline or name == "user_folder" else clean_line(value)
    return dataclasses.replace(spec, **changes)


def validate(spec: LaunchSpec) -> dict[str, str]:
    """Field name -> what is wrong with it, in words; empty when the spec can be launched."""
    found = {name: option.check(getattr(spec, name)) for name, option in options().items()}
    return {name: text for name, text in found.items() if text}


def task_parameters(spec: LaunchSpec) -> dict[str, str]:
    """The options that travel as hyper-parameters; ClearML keeps every value as text."""
    return {
        option.param: str(getattr(spec, name))
        for name, option in options().items()
        if option.param and getattr(spec, name) != ""
    }


def to_profile(spec: LaunchSpec) -> dict[str, Any]:
    """What of this launch is remembered, as JSON-able values."""
    return {name: getattr(spec, name) for name, option in options().items() if option.keep is Keep.PROFILE}


def from_profile(values: Mapping[str, Any]) -> LaunchSpec:
    """The remembered launch; values of the wrong type and unknown names are ignored."""
    kinds = {f.name: type(f.default) for f in dataclasses.fields(LaunchSpec)}
    good: dict[str, Any] = {
        name: value for name, value in values.items() if name in kinds and type(value) is kinds[name]
    }
    return LaunchSpec(**good)

"""LaunchSpec: one field per launch option; the field's metadata is the option table.

Everything else is derived from it: wizard pages, validation, the command line's flags, task parameters, the profile
file, docs/options.md. Adding an option is adding one field here. Pure data, any thread.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop_app.domain.launch import option_checks as checks
from desktop_app.domain.launch.option import Keep, Kind, Option, Page
from desktop_app.domain.launch.option_checks import clean_line, wanted_task
from desktop_app.domain.launch.session_names import DEFAULT_NAME, unnumbered
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE

METADATA_KEY = "option"
NETWORK_HOST, NETWORK_PORT, NETWORK_NONE = "host", "port", "none"
ASK = "-"  # instead of a secret: from a prompt or standard input
LONGEST_LINE = 4096  # of a value that is one line
RANDOM_OFF, RANDOM_ONCE, RANDOM_ALWAYS = "off", "once", "always"
CLEAN_ASK, CLEAN_YES, CLEAN_NO = "ask", "yes", "no"


def _on(page: Page) -> Callable[..., Any]:
    """Return a maker of fields of one page: default, flag, label, help, and what else the row says."""

    def row(default: Any, flag: str, label: str, help_text: str, kind: Kind = Kind.LINE, **more: Any) -> Any:
        option = Option(label=label, help=help_text, page=page, flag=flag, kind=kind, **more)
        return field(default=default, metadata={METADATA_KEY: option}, repr=kind is not Kind.SECRET)

    return row


_where, _what, _environment, _files, _access = map(_on, Page)


@dataclass(frozen=True, kw_only=True)
class LaunchSpec:
    """Everything that a launch needs besides the account."""

    queue: str = _where(
        "", "--queue", "Queue",
        "The ClearML queue that the session waits in; an agent that serves it runs the session.",
        Kind.QUEUE, check=checks.queue)  # fmt: skip
    name: str = _where(
        DEFAULT_NAME, "--session-name", "Session name",
        "The session's name in the list and in ClearML. The default gets a number where another session has it.",
        check=checks.name)  # fmt: skip
    project: str = _where(
        "DevOps", "--project", "Project",
        "The ClearML project that holds the session's task, with those above it (Team/Lab); made if it does not exist.",
        check=checks.project)  # fmt: skip
    tags: str = _where(
        "", "--session-tags", "Tags", "Tags of the session's task, one per line, to find it again in ClearML.",
        Kind.LIST, advanced=True)  # fmt: skip
    queue_include_tag: str = _where(
        "", "--queue-include-tag", "Only queues with a tag",
        "Offer only queues that carry one of these tags, one per line.", Kind.LIST, advanced=True)  # fmt: skip
    queue_excluded_tag: str = _where(
        "", "--queue-excluded-tag", "No queues with a tag",
        "Don't offer queues that carry one of these tags, one per line.", Kind.LIST, advanced=True)  # fmt: skip
    session_cleanup: str = _where(
        CLEAN_ASK, "--session-cleanup", "Finished sessions",
        "Whether your finished sessions are deleted in ClearML when a new one is launched. Only sessions of yours are, "
        "never the last snapshot of a workspace; a run that can't ask deletes none.",
        Kind.CHOICE, choices=((CLEAN_ASK, "Ask"), (CLEAN_YES, "Delete them"), (CLEAN_NO, "Keep them")),
        own=True, sets=(("--disable-session-cleanup", CLEAN_NO),), advanced=True)  # fmt: skip
    store_defaults: bool = _where(
        True, "--store-defaults", "Remember these options", "Offer them again at the next launch. The command "
        "“launch” does so only with this flag.",
        Kind.SWITCH, own=True, sets=(("--disable-store-defaults", False),), keep=Keep.NEVER, advanced=True)  # fmt: skip

    jupyterlab: bool = _what(
        True, "--jupyter-lab", "JupyterLab", "Start JupyterLab in the session.",
        Kind.SWITCH, param=JUPYTERLAB.key)  # fmt: skip
    vscode: bool = _what(
        True, "--vscode-server", "VS Code", "Start VS Code in the browser (code-server) in the session.",
        Kind.SWITCH, param=VSCODE.key)  # fmt: skip
    jupyterlab_version: str = _what(
        "", "--jupyter-lab-version", "JupyterLab version",
        "A version such as 4.6.6; empty: the newest that SessionDock was tested with.",
        param="jupyterlab_version", own=True, advanced=True, check=checks.version)  # fmt: skip
    vscode_version: str = _what(
        "", "--vscode-version", "VS Code version",
        "A code-server version, or with its Python extension's as in 4.105.1:2025.12.0; empty: the newest that "
        "SessionDock was tested with.",
        param="vscode_version", advanced=True, check=checks.code_version)  # fmt: skip
    vscode_url: str = _what(
        "", "--vscode-url", "VS Code archive",
        "code-server's .tar.gz for the session's machine: https://…#sha256=… or a file there; empty: it is built.",
        param="vscode_url", own=True, advanced=True, check=checks.archive)  # fmt: skip
    vscode_extensions: str = _what(
        "", "--vscode-extensions", "VS Code extensions",
        "Extensions to install, one per line: ms-python.python, with a version as in ms-python.python@2025.12.0, a "
        ".vsix file on the remote machine, or the https address of one (with #sha256=… at its end it is checked).",
        Kind.LIST, param="vscode_extensions", advanced=True, check=checks.extensions)  # fmt: skip
    debug_task: str = _what(
        "", "--debugging-session", "Debug a task",
        "The id or web address of a task to copy with its code, changes, packages and hyper-parameters; empty: none.",
        param="debug_task", keep=Keep.SESSION, advanced=True, check=checks.task)  # fmt: skip
    base_task: str = _what(
        "", "--base-task-id", "Base task",
        "The id or web address of a task whose configuration and container the session starts from; empty: none.",
        param="base_task", advanced=True, check=checks.task)  # fmt: skip

    docker: str = _environment(
        "", "--docker", "Docker image", "The image to run in, where the agent uses Docker; empty: the agent's own.",
        hint="python:3.12", check=checks.image)  # fmt: skip
    packages: str = _environment(
        "", "--packages", "Python packages", "Packages to install for your code, one per line, such as torch==2.5.",
        Kind.LIST, check=checks.packages)  # fmt: skip
    requirements: str = _environment(
        "", "--requirements", "Requirements file",
        "A requirements.txt on this computer, read at launch; its packages come before those above.",
        Kind.FILE, advanced=True, check=checks.one_line)  # fmt: skip
    init_script: str = _environment(
        "", "--init-script", "Init script",
        "Bash commands that run before everything else; what they export is set in the IDEs and shells.",
        Kind.SCRIPT, param=contract.PARAM_INIT_SCRIPT, bare="", advanced=True)  # fmt: skip
    init_script_minutes: str = _environment(
        "", "--init-script-minutes", "Init script's limit",
        "Minutes after which the init script is ended and the session goes on without it; empty: 30.",
        param=contract.PARAM_INIT_MINUTES, own=True, advanced=True, check=checks.minutes)  # fmt: skip
    user_folder: str = _environment(
        "", "--user-folder", "Base folder", "The remote folder that the applications open; empty: the home folder.",
        param="user_folder", advanced=True, check=checks.one_line)  # fmt: skip
    docker_args: str = _environment(
        "", "--docker-args", "Docker arguments", "More arguments for docker run, such as --shm-size=8g.",
        dashes=True, advanced=True, check=checks.arguments)  # fmt: skip
    docker_network: str = _environment(
        NETWORK_HOST, "--docker-network", "Docker network",
        "How a container is reached: over its machine's network, by one published port, or left to the cluster.",
        Kind.CHOICE, advanced=True, sets=(("--skip-docker-network", NETWORK_NONE),),
        choices=((NETWORK_HOST, "The machine's network (--network host)"), (NETWORK_PORT, "Publish the SSH port (-p)"),
                 (NETWORK_NONE, "Add nothing (Kubernetes, own arguments)")))  # fmt: skip
    storage_packages: bool = _environment(
        True, "--storage-packages", "Storage packages",
        "Also install what the account's file server needs where it is a bucket (boto3, google-cloud-storage, …).",
        Kind.SWITCH, own=True, sets=(("--disable-storage-packages", False),), advanced=True)  # fmt: skip

    store_workspace: str = _files(
        "", "--store-workspace", "Workspace folder",
        "A remote folder that is stored when the session ends and restored into the next one; empty: none.",
        param=contract.PARAM_WORKSPACE, hint="~/workspace", check=checks.workspace)  # fmt: skip
    upload_files: str = _files(
        "", "--upload-files", "Files to upload",
        "Files and folders of this computer, one per line; they arrive in ~/session-files.",
        Kind.PATHS, keep=Keep.SESSION, advanced=True)  # fmt: skip
    continue_session: str = _files(
        "", "--continue-session", "Continue a session",
        "The id or web address of an earlier session whose workspace is restored, into the folder it had "
        "unless another is given; empty: the newest of the folder.",
        param=contract.PARAM_CONTINUE, keep=Keep.SESSION, advanced=True, check=checks.task)  # fmt: skip
    workspace_minutes: str = _files(
        "15", "--workspace-minutes", "Minutes between snapshots",
        "How often the workspace is stored while the session runs; 0: only at its end and when you ask for it.",
        own=True, advanced=True, param=contract.PARAM_WORKSPACE_MINUTES, check=checks.interval)  # fmt: skip
    git_credentials: bool = _files(
        False, "--git-credentials", "Git credentials",
        "Give the session your git credentials and git settings after connecting, and take them away at its end.",
        Kind.SWITCH)  # fmt: skip
    clearml_credentials: bool = _files(
        False, "--clearml-credentials", "My ClearML key",
        "Give the session your own API key after connecting, so that experiments started in it are yours.",
        Kind.SWITCH, own=True)  # fmt: skip

    ssh_agent_forwarding: bool = _access(
        False, "--ssh-agent-forwarding", "Forward my SSH agent",
        "Let programs in the session use your SSH keys while you are connected. The agent's administrator could, too.",
        Kind.SWITCH, own=True, advanced=True)  # fmt: skip
    username: str = _access(
        "", "--username", "SSH user name", "A name of your own to log in with over SSH; empty: the agent's user.",
        param=contract.PARAM_USERNAME, advanced=True, check=checks.user)  # fmt: skip
    password: str = _access(
        "", "--password", "SSH password",
        "Lets other SSH programs log in with a password; empty: with the session's key only. Kept in the keyring.",
        Kind.SECRET, bare=ASK, keep=Keep.NEVER, advanced=True, check=checks.password)  # fmt: skip
    randomize: str = _access(
        RANDOM_OFF, "--randomize", "Random password", "Make a password for the session, a new one for each.",
        Kind.CHOICE, bare=RANDOM_ONCE, passing=RANDOM_ONCE, advanced=True,
        choices=((RANDOM_OFF, "No"), (RANDOM_ONCE, "For this session"), (RANDOM_ALWAYS, "For every session")),
    )  # fmt: skip
    attach_passphrase: str = _access(
        "", "--attach-passphrase", "Attach passphrase",
        "Lets you attach from another computer that has another API key; empty: with the same API key only.",
        Kind.SECRET, own=True, dashes=True, keep=Keep.NEVER, advanced=True, check=checks.passphrase)  # fmt: skip
    public_ip: bool = _access(
        False, "--public-ip", "Public address",
        "The machine asks a service in the internet for its public address and is reached there (cloud machines).",
        Kind.SWITCH, param="public_ip", advanced=True)  # fmt: skip
    remote_gateway: str = _access(
        "", "--remote-gateway", "Gateway",
        "The address (and port) that leads to the session where its machine can't be reached itself; empty: none.",
        param="remote_gateway", bare="", hint="gate.example.com:31022", advanced=True,
        check=checks.remote_gateway)  # fmt: skip
    ssh_port: str = _access(
        "10022", "--remote-ssh-port", "Remote SSH port",
        "The first port that the session's SSH server tries on the remote machine, or a range such as 10022:15000.",
        param="ssh_port", advanced=True, check=checks.ports)  # fmt: skip
    router_enabled: bool = _access(
        False, "--router-enabled", "ClearML router",
        "Ask ClearML's application router (Enterprise) for a route to the session; without one, its machine's own "
        "address is used after half a minute.",
        Kind.SWITCH, param="router_enabled", advanced=True)  # fmt: skip
    force_dropbear: bool = _access(
        False, "--force-dropbear", "Portable SSH server",
        "Use the SSH server that SessionDock brings along (asyncssh) even where OpenSSH could run.",
        Kind.SWITCH, param=contract.PARAM_PORTABLE_SSH, advanced=True)  # fmt: skip
    cli_compatible: bool = _access(
        False, "--cli-compatible", "Compatible with clearml-session",
        "Let the clearml-session command attach to this session. All members of your ClearML workspace can then read "
        "its password and log in.",
        Kind.SWITCH, param="cli_compatible", own=True, advanced=True)  # fmt: skip


def options() -> Mapping[str, Option]:
    """Return field name -> its row, in the order of the fields."""
    return {f.name: f.metadata[METADATA_KEY] for f in dataclasses.fields(LaunchSpec)}


def defaults() -> LaunchSpec:
    return LaunchSpec()


_KEPT = (checks.one_line, checks.workspace, checks.arguments)  # blanks inside may be meant
_WITH_LINES = (Kind.LIST, Kind.PATHS, Kind.SCRIPT)


def _normal(option: Option, value: str) -> str:
    if option.kind in _WITH_LINES:
        return value.replace("\r\n", "\n").strip()
    if option.check is checks.task:
        return wanted_task(value)
    if option.check is checks.project:
        return checks.project_path(value)
    if option.kind is Kind.SECRET:
        return value
    return value.strip() if option.check in _KEPT else clean_line(value)


def normalised(spec: LaunchSpec) -> LaunchSpec:
    """Return the spec with one-line fields on one line, ends trimmed, web addresses of tasks as ids, projects as
    stored."""
    changes: dict[str, Any] = {}
    for name, option in options().items():
        value = getattr(spec, name)
        if isinstance(value, str):
            changes[name] = _normal(option, value)
    return dataclasses.replace(spec, **changes)


def problem_of(option: Option, value: Any) -> str:
    """Return what is wrong with a value, in words; "" = nothing."""
    if isinstance(value, str) and option.kind not in _WITH_LINES and len(value) > LONGEST_LINE:
        return f"This is longer than {LONGEST_LINE} characters."
    allowed = [choice for choice, _ in option.choices]
    if allowed and value not in allowed:
        return f"Choose one of: {', '.join(allowed)}."
    return option.check(value)


def validate(spec: LaunchSpec) -> dict[str, str]:
    """Return field name -> what is wrong with it, in words; empty when the spec can be launched."""
    wrong = {name: problem_of(option, getattr(spec, name)) for name, option in options().items()}
    if not (spec.docker or spec.base_task or spec.debug_task):
        text = "An agent ignores this without a Docker image: choose one, too."
        wrong["docker_args"] = wrong["docker_args"] or (text if spec.docker_args else "")
        wrong["docker_network"] = wrong["docker_network"] or (text if spec.docker_network == NETWORK_PORT else "")
    return {name: text for name, text in wrong.items() if text}


def task_parameters(spec: LaunchSpec) -> dict[str, str]:
    """Return the options that travel as hyper-parameters; ClearML keeps every value as text."""
    return {
        option.param: str(getattr(spec, name))
        for name, option in options().items()
        if option.param and getattr(spec, name) != ""
    }


def to_profile(spec: LaunchSpec) -> dict[str, Any]:
    """Return what of this launch the next one begins with, as JSON-able values."""
    start, spec = defaults(), dataclasses.replace(spec, name=unnumbered(spec.name))
    return {
        name: getattr(start if option.passing and getattr(spec, name) == option.passing else spec, name)
        for name, option in options().items()
        if option.keep is Keep.PROFILE
    }


def to_session(spec: LaunchSpec) -> dict[str, Any]:
    """Return what is remembered of this launch as long as its session is: everything but secrets, where not the
    default."""
    start = defaults()
    return {
        name: getattr(spec, name)
        for name, option in options().items()
        if option.kind is not Kind.SECRET and getattr(spec, name) != getattr(start, name)
    }


def from_profile(values: Mapping[str, Any]) -> LaunchSpec:
    """Return the remembered launch; values of the wrong type, unknown names and secrets are ignored."""
    table = options()
    kinds = {f.name: type(f.default) for f in dataclasses.fields(LaunchSpec)}
    good: dict[str, Any] = {
        name: value
        for name, value in values.items()
        if name in kinds and type(value) is kinds[name] and table[name].kind is not Kind.SECRET
    }
    return LaunchSpec(**good)

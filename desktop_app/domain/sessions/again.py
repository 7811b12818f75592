"""Launching again: which launch a session came from, told by what was kept of it and by its task. Pure, any thread."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from desktop_app.domain.accounts import key_slots
from desktop_app.domain.accounts.key_slots import SlotKind
from desktop_app.domain.launch.container import container_arguments, network_of, one_line
from desktop_app.domain.launch.options import RANDOM_OFF, LaunchSpec, defaults, options
from desktop_app.domain.launch.storage import LIBRARIES
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import ServerFacts
from remote_bootstrap import contract

# Every member of a workspace can edit a task. These would publish a password, or lead the connection elsewhere.
NEVER_TAKEN = ("cli_compatible", "remote_gateway")


@dataclass(frozen=True, slots=True)
class LaunchedTask:
    """What a session's task tells of how it was launched."""

    parameters: Mapping[str, str]
    docker: str = ""
    docker_args: str = ""
    requirements: tuple[str, ...] = ()  # as they were wanted, not as they were installed


@dataclass(frozen=True, slots=True)
class Again:
    """A launch like an earlier one. ``asks``: the secret options (field names) that it had, which the user gives again;
    ``partial``: it comes from the task alone, which does not tell all options and which others can edit; ``left``: the
    options that stand there and are not taken over; ``differs``: option and value where the task says something else
    than what is kept here, which counts."""

    spec: LaunchSpec
    asks: tuple[str, ...] = ()
    partial: bool = False
    left: tuple[str, ...] = ()
    differs: tuple[tuple[str, str], ...] = ()

    @property
    def taken(self) -> dict[str, Any]:
        """Return what comes from the task alone, where it is not the default: field name -> value."""
        start = replace(defaults(), store_defaults=self.spec.store_defaults)
        values = {name: getattr(self.spec, name) for name in options() if self.partial}
        return {name: value for name, value in values.items() if value != getattr(start, name)}


def spec_of_task(task: LaunchedTask, facts: ServerFacts) -> LaunchSpec:
    """Return what a task tells of its launch, but for ``NEVER_TAKEN``. Nothing is checked: a launch does so, and says
    what is wrong."""
    values: dict[str, Any] = {
        name: _value(getattr(defaults(), name), task.parameters[option.param])
        for name, option in options().items()
        if option.param in task.parameters and name not in NEVER_TAKEN
    }
    arguments, network = network_of(task.docker, task.docker_args)
    ours = {contract.CLEARML_REQUIREMENT, *LIBRARIES.values()}
    return LaunchSpec(
        **values,
        name=facts.name,
        project=facts.project,
        queue=facts.queue,
        tags="\n".join(facts.tags),
        docker=task.docker,
        docker_args=arguments,
        docker_network=network,
        packages="\n".join(line for line in task.requirements if line.strip() not in ours),
    )


def left_of(task: LaunchedTask) -> tuple[str, ...]:
    """Return what of ``NEVER_TAKEN`` the task has."""
    off = ("", "False")
    return tuple(name for name in NEVER_TAKEN if task.parameters.get(options()[name].param, "") not in off)


def differing(kept: LaunchSpec, task: LaunchedTask, facts: ServerFacts) -> tuple[tuple[str, str], ...]:
    """Return where the task says something else than this computer kept: field name and what the task says. Tags and
    project are not looked at, which users sort their tasks by; nor a container that came from another task."""
    told = {
        name: (str(getattr(kept, name)), getattr(facts, name)) for name in ("queue", "name") if getattr(facts, name)
    }
    if kept.docker:
        told["docker"] = kept.docker, task.docker
        told["docker_args"] = container_arguments(kept), one_line(task.docker_args)
    for name, option in options().items():
        if option.param in task.parameters:
            told[name] = str(getattr(kept, name)), task.parameters[option.param]
    return tuple((name, in_task) for name, (here, in_task) in told.items() if here != in_task)


def _value(default: object, text: str) -> object:
    return text == "True" if isinstance(default, bool) else text


def asked(spec: LaunchSpec, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets that the earlier session had. A password that was made for it is made anew."""
    compatible = spec.cli_compatible or parameters.get(options()["cli_compatible"].param) == "True"
    made = spec.randomize != RANDOM_OFF or compatible
    slots = key_slots.loads(parameters.get(contract.PARAM_KEY_SLOTS, ""))
    secrets = {
        "password": contract.PARAM_PASSWORD_HASH in parameters and not made,
        "attach_passphrase": any(slot.kind is SlotKind.PASSPHRASE for slot in slots),
    }
    return tuple(name for name, had in secrets.items() if had)


def continued(spec: LaunchSpec, session: str, finished: Iterable[FinishedSession]) -> LaunchSpec:
    """Return the task that the next session continues. One that continued an earlier session and stored its workspace
    is itself that task."""
    known = {one.task: one for one in finished}
    mine, earlier = known.get(session), known.get(spec.continue_session)
    folder = spec.store_workspace or (earlier.folder if earlier else "")
    if not spec.continue_session or mine is None or not mine.stored or not folder:
        return spec
    return replace(spec, store_workspace=folder, continue_session=session)

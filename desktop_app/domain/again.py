"""Launching again: which launch a session came from, told by what was kept of it and by its task. Pure, any thread."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from desktop_app.domain import key_slots
from desktop_app.domain.cleanup import FinishedSession
from desktop_app.domain.container import network_of
from desktop_app.domain.key_slots import SlotKind
from desktop_app.domain.options import RANDOM_OFF, LaunchSpec, defaults, options
from desktop_app.domain.session import ServerFacts
from desktop_app.domain.storage import LIBRARIES
from remote_bootstrap import contract


@dataclass(frozen=True, slots=True)
class LaunchedTask:
    """What a session's task tells of how it was launched."""

    parameters: Mapping[str, str]
    docker: str = ""
    docker_args: str = ""
    requirements: tuple[str, ...] = ()  # as they were wanted, not as they were installed


@dataclass(frozen=True, slots=True)
class Again:
    """A launch like an earlier one. ``asks``: the secret options (field names) that it had, which a person gives anew;
    ``partial``: it comes from the task alone, which does not tell all options."""

    spec: LaunchSpec
    asks: tuple[str, ...] = ()
    partial: bool = False


def spec_of_task(task: LaunchedTask, facts: ServerFacts) -> LaunchSpec:
    """What a task tells of its launch. Nothing is checked: a launch does so, and says what is wrong."""
    values: dict[str, Any] = {
        name: _value(getattr(defaults(), name), task.parameters[option.param])
        for name, option in options().items()
        if option.param in task.parameters
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


def _value(default: object, text: str) -> object:
    return text == "True" if isinstance(default, bool) else text


def asked(spec: LaunchSpec, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that the earlier session had. A password that was made for it is made anew."""
    made = spec.randomize != RANDOM_OFF or spec.cli_compatible
    slots = key_slots.loads(parameters.get(contract.PARAM_KEY_SLOTS, ""))
    found = {
        "password": contract.PARAM_PASSWORD_HASH in parameters and not made,
        "attach_passphrase": any(slot.kind is SlotKind.PASSPHRASE for slot in slots),
    }
    return tuple(name for name, had in found.items() if had)


def continued(spec: LaunchSpec, session: str, finished: Iterable[FinishedSession]) -> LaunchSpec:
    """A session that continued an earlier one and stored its workspace is itself what the next one continues."""
    known = {one.task: one for one in finished}
    mine, earlier = known.get(session), known.get(spec.continue_session)
    folder = spec.store_workspace or (earlier.folder if earlier else "")
    if not spec.continue_session or mine is None or not mine.stored or not folder:
        return spec
    return replace(spec, store_workspace=folder, continue_session=session)

"""Launching: what must be said before it, the queue, and what a launch begins with. Main thread; blocks."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.context.matching import TASK_LENGTH, matching, others_session, unknown_session
from desktop_app.cli.launching.cleaning import clean_up_before
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.cli.views.as_json import event_json
from desktop_app.domain.accounts.account import Account, Queue
from desktop_app.domain.launch.exposed import warnings_of
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, options
from desktop_app.domain.launch.queues import offered
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionId

LAUNCH_S = 120.0


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch that was asked for."""

    account: Account
    spec: LaunchSpec
    profile: str = ""  # the one that it begins with
    attach: bool = True
    asks: bool = False  # a user at the terminal may be asked what is to be cleaned up
    told: Mapping[str, Any] = field(default_factory=dict)  # what --json tells besides


def profile_of(arguments: argparse.Namespace) -> str:
    """Return the profile that a launch begins with, "" = none."""
    return getattr(arguments, "profile", "")


def start_spec(context: Context, profile: str, otherwise: Callable[[], LaunchSpec]) -> LaunchSpec:
    """Return the options that the flags change: those of the profile where one is named. Problems: profile.unknown"""
    return context.core.profiles.get(profile) if profile else otherwise()


def launch(context: Context, asked: Launch) -> SessionId:
    """Launch, tell what the user should know before and after it, and watch the session. Problems: launch.*, queue.*"""
    account = asked.account
    spec = _continued(context, asked.spec)
    _say_before(context, account, spec)
    waits = account.sandbox and any(s.id.account == account.id for s in context.sessions.living())
    clean_up_before(context, account, spec, asks=asked.asks)
    context.core.polling.watch(account.id)
    session = _launched(context, replace(asked, spec=spec))
    seen = context.core.store.get(session)
    if context.json:
        json_line(event_json("launched", session, seen, **asked.told))
    else:
        say(f"Launched “{clean_line(seen.name if seen else spec.name)}” ({session.task}).")
    if waits:
        say("The sandbox runs one session at a time: this one begins when those before it have ended.")
    return session


def _say_before(context: Context, account: Account, spec: LaunchSpec) -> None:
    for text in (*warnings_of(spec), *context.core.launches.requirement_notes(spec)):
        say(text)
    if spec.cli_compatible:
        option = options()["cli_compatible"]
        say(f"{option.flag}: {option.help}")
    if account.sandbox and spec.docker:
        say("The sandbox's agent runs without Docker, so the image is not used.")


def _continued(context: Context, spec: LaunchSpec) -> LaunchSpec:
    """Return the options with the id of the session to continue, which may be named as everywhere: by the beginning of
    its id, or its name. Problems: session.*"""
    text = spec.continue_session
    if not text or len(text) == TASK_LENGTH:
        return spec
    sessions, problems = context.sessions.look()
    fitting = matching(sessions, text)
    earlier = fitting[0] if len(fitting) == 1 else None if fitting else context.sessions.ended(text)
    if earlier is None:
        other = context.sessions.of_another_user(text, problems) if not fitting else None
        raise others_session(other) if other else unknown_session(text, fitting)
    return replace(spec, continue_session=earlier.id.task)


def _launched(context: Context, asked: Launch) -> SessionId:
    account, spec, cancel = asked.account, asked.spec, Interruptible(LAUNCH_S)
    try:
        return context.core.launches.launch(account.id, spec, cancel, attach=asked.attach, profile=asked.profile)
    except AppError as error:
        raise naming_queues(context, error, account, spec) from None


# -- queues


def naming_queues(context: Context, error: AppError, account: Account, spec: LaunchSpec) -> AppError:
    """Return the error; that of an unknown queue names those that there are."""
    if error.problem.code != "queue.unknown":
        return error
    names = [clean_line(queue.name) for queue in offered_queues(context, account, spec)]
    detail = f"There is no “{clean_line(spec.queue)}” but: {', '.join(names)}.{nearest(spec.queue, names)}"
    return AppError(replace(error.problem, detail=detail if names else error.problem.detail))


def with_queue(context: Context, account: Account, spec: LaunchSpec, *, remembered: str = "") -> LaunchSpec:
    """Return the options with a queue where none was said: the remembered one, or the only sensible one.

    Problems: launch.invalid
    """
    if spec.queue:
        return spec
    queues = offered_queues(context, account, spec)
    names = [queue.name for queue in queues]
    served = [queue.name for queue in queues if queue.served]
    for name in (remembered, *served[:1] * (len(served) == 1), "default"):
        if name in names:
            return replace(spec, queue=name)
    raise failure("launch.invalid", why=f"Choose a queue with --queue: {', '.join(names) or 'there is none'}.")


def offered_queues(context: Context, account: Account, spec: LaunchSpec) -> tuple[Queue, ...]:
    """Return the queues that a launch may choose from."""
    queues = context.core.launches.queues(account.id, context.cancel())
    return offered(queues, spec.queue_include_tag, spec.queue_excluded_tag)

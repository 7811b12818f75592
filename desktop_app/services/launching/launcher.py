"""Launcher: a LaunchSpec becomes a task in a queue, and nothing is left behind when that fails. On a job's thread."""

import logging
import platform
import secrets
from collections.abc import Mapping
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import TextFiles
from desktop_app.boundary.connection import KeyPair
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server, TaskDraft
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.secrets import CLIENT_KEY, SSH_PASSWORD
from desktop_app.domain.launch import requirements
from desktop_app.domain.launch.container import container_arguments, first_port
from desktop_app.domain.launch.option_checks import items, split_packages
from desktop_app.domain.launch.options import (
    NETWORK_HOST,
    RANDOM_OFF,
    LaunchSpec,
    normalised,
    options,
    task_parameters,
    to_session,
    validate,
)
from desktop_app.domain.launch.session_names import distinct_name, is_default
from desktop_app.domain.launch.storage import storage_packages
from desktop_app.domain.problems import AppError, Cancelled, failure
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId
from desktop_app.services.launching.kept_sums import kept_in
from desktop_app.services.launching.requirements_file import WrongRequirements, requirement_lines
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.secrets.session_keys import SessionKeys
from desktop_app.services.secrets.stored import api_secrets
from desktop_app.services.state.poller import with_grace
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract
from remote_bootstrap.contract import archive_sums, clearml_session

CLEAN_UP_S = 15.0
PASSWORD_BYTES = 18

_log = logging.getLogger(__name__)


class Launcher:
    """Makes sessions. Stateless but for what it was given."""

    def __init__(self, outside: Outside, store: SessionStore) -> None:
        self._outside = outside
        self._store = store
        self._keys = SessionKeys(outside.secrets, outside.slot_cipher)

    def launch(self, account: Account, server: Server, spec: LaunchSpec, cancel: Cancel) -> SessionId:
        """Create the task, keep its key, enqueue it. Problems: launch.invalid, queue.unknown, server.*, keyring.*"""
        spec = _in_known_container(self._named(account, server, checked(spec), cancel), server, cancel)
        _check_continued(server, spec, cancel)
        key = self._outside.new_key(f"sessiondock@{platform.node() or 'desktop'}")
        draft = self._draft(account, spec, key)
        cancel.check()
        session = SessionId(account.id, server.tasks.create(draft, cancel))
        try:
            watched = self._enqueue(server, session, key, spec, cancel)
        except BaseException:
            self._undo(server, session)
            raise
        created = self._outside.now()
        facts = ServerFacts(
            Remote.QUEUED, spec.name, queue=spec.queue, project=spec.project, queue_watched=watched, created=created
        )
        seen = self._store.get(session)
        if seen is None or seen.remote is Remote.CREATED:  # the poller may know more by now
            self._store.see(session, with_grace(account.id, facts, created))
        return session

    def _named(self, account: Account, server: Server, spec: LaunchSpec, cancel: Cancel) -> LaunchSpec:
        """Tell a name that the user did not choose apart from those of the other sessions, on other computers, too."""
        if not is_default(spec.name):
            return spec
        taken = [snapshot.name for snapshot in self._store.of_account(account.id)]
        taken += [task.facts.name for task in server.sessions.living((), cancel)]
        return replace(spec, name=distinct_name(spec.name, taken))

    def _draft(self, account: Account, spec: LaunchSpec, key: KeyPair) -> TaskDraft:
        parameters = {
            contract.PARAM_CONTRACT: str(contract.CONTRACT_VERSION),
            contract.PARAM_AUTHORIZED_KEY: key.public,
            **task_parameters(spec),
        }
        if spec.password:
            parameters[contract.PARAM_PASSWORD_HASH] = self._outside.hash_password(spec.password)
        kept = kept_in(self._outside, account.id, spec.queue)
        if kept:
            parameters[archive_sums.PARAM_KEPT] = archive_sums.text_of(kept)
        packages = requirements.for_agent(_requirements(spec, self._outside.text_files))
        storage = storage_packages(account.files_url, packages) if spec.storage_packages else ()
        return TaskDraft(
            name=spec.name,
            project=spec.project,
            script=self._outside.build_payload(),
            requirements=(contract.CLEARML_REQUIREMENT, *packages, *storage),
            parameters=parameters,
            docker=spec.docker,
            docker_args=container_arguments(spec),
            tags=tuple(sorted(items(spec.tags))),  # the order that the server keeps them in
            source=spec.debug_task or spec.base_task,
            debug=bool(spec.debug_task),
            compatible=_for_clearml_session(spec),
        )

    def _enqueue(self, server: Server, session: SessionId, key: KeyPair, spec: LaunchSpec, cancel: Cancel) -> bool:
        # First the key, then the queue: a session that runs without its key on this computer can't be attached.
        self._outside.secrets.set(CLIENT_KEY, session.text, key.private)
        if spec.password:
            self._outside.secrets.set(SSH_PASSWORD, session.text, spec.password)
        self._outside.memory.sessions.save_options(session.text, to_session(spec))
        own = api_secrets(self._outside, session.account)
        slots = self._keys.parameters(session.task, own, key.private, key.public, spec.attach_passphrase)
        if slots:
            server.tasks.write_parameters(session.task, slots, cancel)
        runtime = _runtime_of(spec)
        if runtime:
            server.tasks.write_runtime(session.task, runtime, cancel)
        cancel.check()
        return server.tasks.enqueue(session.task, spec.queue, cancel)

    def _undo(self, server: Server, session: SessionId) -> None:
        """Take back a launch that failed half-way, on a server and a keyring that may be what failed."""
        try:
            server.tasks.stop(session.task, Cancel(CLEAN_UP_S))
        except (AppError, Cancelled) as error:
            _log.warning("the task of the failed launch %s is left behind: %s", session.text, error)
        try:
            forget_session(self._outside, session)
        except AppError as error:
            _log.warning("the key of the failed launch %s is left behind: %s", session.text, error)
        self._store.remove(session)


def _check_continued(server: Server, spec: LaunchSpec, cancel: Cancel) -> None:
    """Make sure that what is to be continued is a session of the user's: the new one could only say so minutes later.

    Problems: launch.invalid, session.others, server.*
    """
    task = spec.continue_session
    if not task:
        return
    try:
        facts = server.sessions.get(task, cancel).facts
    except AppError as error:
        if error.problem.code not in ("task.gone", "task.foreign"):
            raise
        why = "is no session" if error.problem.code == "task.foreign" else "does not exist on this server (any more)"
        raise _invalid({"continue_session": f"Task {task} {why}."}) from None
    if not facts.mine:
        raise failure("session.others", name=facts.name, owner=facts.owner or "another user")


def checked(spec: LaunchSpec) -> LaunchSpec:
    """Return the spec as it is launched, with a password where one is needed.

    Problems: launch.invalid, which names every bad field
    """
    spec = normalised(spec)
    wrong = validate(spec)
    if wrong:
        raise _invalid(wrong)
    if (spec.randomize != RANDOM_OFF or spec.cli_compatible) and not spec.password:
        return replace(spec, password=secrets.token_urlsafe(PASSWORD_BYTES))
    return spec


def _in_known_container(spec: LaunchSpec, server: Server, cancel: Cancel) -> LaunchSpec:
    """Name the image of the queue's agents, where none was named and earlier sessions there ran in containers.

    A task without an image gets the agent's, and Docker's own network with it: only its machine could connect.
    """
    if spec.docker or spec.docker_network != NETWORK_HOST:
        return spec
    image = server.queues.agent_image(spec.queue, cancel)
    if image:
        _log.info("the agents of queue %s use Docker: asking for their image %s with its machine's network", spec.queue,
                  image)  # fmt: skip
    return replace(spec, docker=image)


def _runtime_of(spec: LaunchSpec) -> dict[str, str]:
    """Return what others look for in the task before it runs."""
    values = {}
    if spec.router_enabled:
        values[clearml_session.RUNTIME_PORT_REQUEST] = str(first_port(spec.ssh_port))
    if spec.cli_compatible:  # the user was told that all members can read it
        values[clearml_session.RUNTIME_PASSWORD] = spec.password
    return values


def _for_clearml_session(spec: LaunchSpec) -> dict[str, str]:
    """Return the parameters by which clearml-session knows what to wait for."""
    if not spec.cli_compatible:
        return {}
    return {
        clearml_session.ASKS_JUPYTER: str(spec.jupyterlab),
        clearml_session.ASKS_VSCODE: str(spec.vscode),
        clearml_session.ASKS_SSH: "True",
        clearml_session.ASKS_PROXY: "False",
        clearml_session.ASKS_FOLDER: spec.user_folder or "~/",
    }


def _invalid(wrong: Mapping[str, str]) -> AppError:
    labels = options()
    return failure("launch.invalid", why=" ".join(f"{labels[name].label}: {text}" for name, text in wrong.items()))


def requirement_notes(spec: LaunchSpec, files: TextFiles) -> tuple[str, ...]:
    """Return what of the packages that a launch asks for an agent does not heed, in sentences. Reads the named file."""
    try:
        return requirements.unused(_requirements(spec, files))
    except AppError:  # the launch itself refuses it, and says why
        return ()


def _requirements(spec: LaunchSpec, files: TextFiles) -> tuple[str, ...]:
    """Return the file's packages, then the others. Problems: launch.invalid"""
    listed = split_packages(spec.packages)
    if not spec.requirements:
        return listed
    try:
        return (*requirement_lines(spec.requirements, files), *listed)
    except WrongRequirements as error:
        raise _invalid({"requirements": str(error)}) from error

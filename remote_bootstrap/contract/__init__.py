"""Names and (de)serialisation of everything that the desktop and the bootstrap exchange.

Owned by both halves and imported by both: standard library only, Python 3.8. Runs on any thread; holds no state.

Three channels, in order of time:

1. The task, written by the desktop before it is enqueued: hyper-parameters in section ``sessiondock``.
2. The task's runtime properties, written by the bootstrap only: a signed connection record and a progress report.
3. Once connected, JSON lines over the SSH subsystem ``sessiondock`` (see ``Request`` and ``Reply``). Every secret
   travels on this one and never in the task.
"""

import base64
import hashlib
import itertools
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional

from remote_bootstrap.contract import archive_sums

CONTRACT_VERSION = 1

SECTION = "sessiondock"  # hyper-parameter section
SYSTEM_TAG = "sessiondock"  # marks our tasks; not "interactive", whose finished tasks clearml-session deletes
ENTRY_POINT = "sessiondock_session.py"
CLEARML_REQUIREMENT = "clearml==2.1.12"

PARAM_CONTRACT = "contract"
PARAM_AUTHORIZED_KEY = "authorized_key"
PARAM_DEBUG_RUN = "debug_run"  # of a session that debugs a task: JSON of program, folder, arguments
CONFIG_CODE = "sessiondock_code"  # a configuration object: JSON of name, code; of a debugged task without repository
PARAM_KEY_SLOTS = "key_slots"  # the client key as ciphertext; the remote has no use for it
PARAM_PASSWORD_HASH = "password_hash"  # noqa: S105  see remote_bootstrap.machine.passwords
PARAM_USERNAME = "username"
PARAM_PORTABLE_SSH = "force_dropbear"  # named after clearml-session's option
PARAM_INIT_SCRIPT = "init_script"
PARAM_INIT_MINUTES = "init_script_minutes"
PARAM_ROUTER = "router_enabled"  # clearml-session's name, too
PARAM_WORKSPACE = "store_workspace"  # clearml-session's name, too
PARAM_WORKSPACE_MINUTES = "workspace_minutes"
PARAM_CONTINUE = "continue_session"

RUNTIME_RECORD = "sessiondock_record"
RUNTIME_REPORT = "sessiondock_report"

SUBSYSTEM = "sessiondock"
AGENT_SUBSYSTEM = "sessiondock-agent"  # says AGENT_READY, then keeps the forwarded SSH agent in reach until it ends
AGENT_READY = "ready"
SIGNATURE_NAMESPACE = "sessiondock"
FINGERPRINT_LOG_PREFIX = "SessionDock host key: "

# Phases of the session as a whole, in order.
PREPARING = "preparing"
STARTING_SSH = "starting_ssh"
INIT_SCRIPT = "init_script"  # only where the task has one
RESTORING = "restoring"  # the workspace, only where there is one
STARTING_APPS = "starting_apps"
READY = "ready"
STOPPING = "stopping"
ENDED = "ended"
PHASES = (PREPARING, STARTING_SSH, INIT_SCRIPT, RESTORING, STARTING_APPS, READY, STOPPING, ENDED)

# States of one application.
APP_WAITING = "waiting"
APP_INSTALLING = "installing"
APP_STARTING = "starting"
APP_READY = "ready"
APP_RESTARTING = "restarting"
APP_FAILED = "failed"
APP_STATES = (APP_WAITING, APP_INSTALLING, APP_STARTING, APP_READY, APP_RESTARTING, APP_FAILED)
APP_SETTLED = (APP_READY, APP_FAILED)

# Operations of the control channel.
OP_HELLO = "hello"
OP_STATUS = "status"
OP_SUBSCRIBE = "subscribe"
OP_SHUTDOWN = "shutdown"
OP_LISTENING = "listening"
OP_RELEASE_PORT = "release_port"
OP_SYNC_WORKSPACE = "sync_workspace"
OP_FILES_HOME = "files_home"
OP_FILES_DIGEST = "files_digest"
OP_FILES_DIGESTS = "files_digests"  # of many small files in one request
OP_FILES_REFUSAL = "files_refusal"  # why a file can't be written, which SFTP does not tell
OP_GIT_DELIVER = "git_deliver"  # the user's git logins and settings, see contract_git
OP_GIT_ASK = "git_ask"  # a login for git, asked by the session's own helper
OP_CLEARML_DELIVER = "clearml_deliver"  # the user's own API key
EVENT_STATUS = "status"


# What ends up in command lines and on screens: no blanks, no quotes, and no leading dash, which would be an option.
_ADDRESS = re.compile(r"[\w.:\[][\w.:%\[\]-]{0,253}")
_USER = re.compile(r"[\w.+][\w.+@\\$-]{0,253}")


LAST_PHASES = (STOPPING, ENDED)
NO_IMAGE = "?"  # of a container whose image is unknown
# Why a session ended that was not shut down: its task's last words, after which the desktop does not say "Shut down".
ENDED_BY_MACHINE = "ended by its machine"
SIGNALLED = "its machine or its agent asked for it"  # the same as far as the session knows it at first
# A report is read by a user, and any member of the workspace can write one: characters of a state and of a sentence.
MAX_WORD = 40
MAX_SENTENCE = 2000
MAX_NOTICES = 50
MAX_APPS = 32
MAX_FINGERPRINT = 64
MAX_IMAGE = 300
MAX_SECRET = 4096
MAX_RECORD = 16 * 1024  # characters of JSON
MAX_REPORT = 1024 * 1024  # the same of a report
MAX_TOLD = 32 * 1024  # characters of all sentences of a report, and of all its secrets


class ContractError(ValueError):
    """A message of the other half that this version can't read; the text says which and why."""


def usable_user(name: str) -> bool:
    """True if a connection record may name this user."""
    return _USER.fullmatch(name) is not None


def usable_address(text: str) -> bool:
    """True if a connection record may name this host or address."""
    return _ADDRESS.fullmatch(text) is not None


def _loads(text: str, what: str) -> Dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContractError("%s is not JSON: %s" % (what, error)) from error
    if not isinstance(value, dict):
        raise ContractError("%s is not a JSON object" % what)
    return value


def _short(text: str, most: int, what: str) -> str:
    """Return the text. Raises ContractError for a larger one: JSON is of no use in part."""
    if len(text) > most:
        raise ContractError("%s has %d characters" % (what, len(text)))
    return text


def _number(value: Any, what: str) -> int:
    """Return the whole number, zero for what is not there. Raises ContractError; JSON knows infinity, which is no whole
    number."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError) as error:
        raise ContractError("%s is not a number" % what) from error


def _seconds(value: Any) -> Dict[str, float]:
    try:
        milestones = list(dict(value or {}).items())[: 4 * MAX_APPS]
        return {str(key)[:MAX_WORD]: float(seconds) for key, seconds in milestones}
    except (TypeError, ValueError, OverflowError) as error:
        raise ContractError("report has no usable 'seconds'") from error


def _secret(value: Any, left: int) -> str:
    return str(value or "") if len(str(value or "")) <= min(MAX_SECRET, left) else ""  # cut, it would open nothing


def _sentences(value: Any) -> List[str]:
    return [str(one)[:MAX_SENTENCE] for one in value[:MAX_NOTICES]] if isinstance(value, list) else []


def _within(texts: List[str], most: int) -> List[str]:
    """Return the first ``most`` characters of all together."""
    ends = [0, *itertools.accumulate(map(len, texts))]
    return [text[: max(0, most - start)] for text, start in zip(texts, ends)]  # zip(strict=) came with 3.10


def _want(value: Mapping[str, Any], key: str, kind: type, what: str) -> Any:
    field_value = value.get(key)
    if not isinstance(field_value, kind) or isinstance(field_value, bool) is not (kind is bool):
        raise ContractError("%s has no usable %r" % (what, key))
    return field_value


@dataclass(frozen=True)
class Record:
    """Where and who: the signed connection record in ``runtime[RUNTIME_RECORD]``.

    ``signature`` is an armored SSHSIG (OpenSSH PROTOCOL.sshsig, namespace SIGNATURE_NAMESPACE) over ``signed_text()``,
    made with the session's own host key. ``sequence`` grows by one with each change of address or port.
    """

    task: str
    address: str
    port: int
    user: str
    host_key: str  # "ssh-ed25519 AAAA…", no comment
    sequence: int
    signature: str = ""

    def signed_text(self) -> str:
        """Return the exact text under the signature: canonical JSON of every field but the signature."""
        fields = asdict(self)
        del fields["signature"]
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def dumps(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> "Record":
        """Read a record. Raises ContractError for anything that is not a whole one."""
        value = _loads(_short(text, MAX_RECORD, "connection record"), "connection record")
        record = cls(
            task=_want(value, "task", str, "connection record"),
            address=_want(value, "address", str, "connection record"),
            port=_want(value, "port", int, "connection record"),
            user=_want(value, "user", str, "connection record"),
            host_key=_want(value, "host_key", str, "connection record"),
            sequence=_want(value, "sequence", int, "connection record"),
            signature=_want(value, "signature", str, "connection record"),
        )
        if not 0 < record.port < 65536:
            raise ContractError("connection record has port %d" % record.port)
        if not usable_address(record.address) or not usable_user(record.user):
            raise ContractError("connection record has an impossible address or user name")
        return record


@dataclass(frozen=True)
class AppReport:
    """One application as the bootstrap sees it. ``secret`` is set on the control channel only."""

    state: str
    detail: str = ""
    port: int = 0
    secret: str = field(default="", repr=False)

    def public(self) -> "AppReport":
        return AppReport(self.state, self.detail, self.port)


@dataclass(frozen=True)
class Report:
    """Progress: ``runtime[RUNTIME_REPORT]`` without secrets, the control channel's status with them.

    ``sequence`` grows by one per change. ``seconds`` maps a reached milestone (a phase, ``app:<key>``) to seconds since
    the bootstrap started, so that a launch can be timed phase by phase. ``notices`` are sentences for users about what
    did not work while the session goes on; they are only ever added to.
    """

    phase: str
    detail: str = ""
    sequence: int = 0
    apps: Dict[str, AppReport] = field(default_factory=dict)
    seconds: Dict[str, float] = field(default_factory=dict)
    contract: int = CONTRACT_VERSION
    notices: List[str] = field(default_factory=list)
    container: str = ""  # the image of the container that the session runs in, NO_IMAGE where only that is known
    own_network: bool = False  # the published address is the container's: only its machine reaches it
    kept: Dict[str, str] = field(default_factory=dict)  # see archive_sums; on the control channel only

    def public(self) -> "Report":
        apps = {key: app.public() for key, app in self.apps.items()}
        return replace(self, apps=apps, kept={})

    def to_json(self) -> Dict[str, Any]:
        return asdict(self)

    def dumps(self) -> str:
        return json.dumps(self.to_json(), sort_keys=True)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Report":
        """Read a report. Raises ContractError; unknown keys and unknown application states of a newer half are kept
        readable."""
        apps, left = {}, MAX_TOLD
        for key, app in list(_want(value, "apps", dict, "report").items())[:MAX_APPS]:
            if not isinstance(app, dict):
                raise ContractError("report of application %r is not an object" % key)
            apps[str(key)[:MAX_WORD]] = AppReport(
                state=_want(app, "state", str, "report of " + str(key))[:MAX_WORD],
                detail=str(app.get("detail", ""))[:MAX_SENTENCE],
                port=_number(app.get("port"), "port of " + str(key)),
                secret=_secret(app.get("secret"), left),
            )
            left -= len(apps[str(key)[:MAX_WORD]].secret)
        notices = _sentences(value.get("notices"))
        detail, *told = _within(
            [str(value.get("detail", ""))[:MAX_SENTENCE], *(app.detail for app in apps.values()), *notices], MAX_TOLD
        )
        apps = {key: replace(app, detail=told.pop(0)) for key, app in apps.items()}
        return cls(
            phase=_want(value, "phase", str, "report")[:MAX_WORD],
            detail=detail,
            sequence=_want(value, "sequence", int, "report"),
            apps=apps,
            seconds=_seconds(value.get("seconds")),
            contract=_number(value.get("contract"), "contract of the report"),
            notices=[one for one in told if one],
            container=str(value.get("container") or "")[:MAX_IMAGE],
            own_network=value.get("own_network") is True,
            kept=archive_sums.sums_in_report(value.get("kept")),
        )

    @classmethod
    def loads(cls, text: str) -> "Report":
        """Read a text that others can write, too: what only the control channel may tell is left out."""
        return replace(cls.from_json(_loads(_short(text, MAX_REPORT, "report"), "report")), kept={})


@dataclass(frozen=True)
class Request:
    """One line from the desktop: {"id", "op", "args"}."""

    id: int
    op: str
    args: Dict[str, Any] = field(default_factory=dict)

    def dumps(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def loads(cls, line: str) -> "Request":
        value = _loads(line, "request")
        args = value.get("args") or {}
        if not isinstance(args, dict):
            raise ContractError("request has unusable args")
        return cls(_want(value, "id", int, "request"), _want(value, "op", str, "request"), args)


@dataclass(frozen=True)
class Reply:
    """One line from the bootstrap: an answer (``id`` of the request) or, with id 0, an event pushed to subscribers."""

    id: int
    ok: bool = True
    result: Dict[str, Any] = field(default_factory=dict)
    error: str = ""
    event: str = ""

    def dumps(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def loads(cls, line: str) -> "Reply":
        value = _loads(line, "reply")
        result = value.get("result") or {}
        if not isinstance(result, dict):
            raise ContractError("reply has an unusable result")
        return cls(
            id=_want(value, "id", int, "reply"),
            ok=_want(value, "ok", bool, "reply"),
            result=result,
            error=str(value.get("error", "")),
            event=str(value.get("event", "")),
        )


def fingerprint(public_key: str) -> str:
    """Return ``SHA256:…`` of an OpenSSH public key line, as ``ssh-keygen -lf`` prints it. Raises ContractError."""
    parts = public_key.split()
    if len(parts) < 2:
        raise ContractError("not an OpenSSH public key")
    try:
        blob = base64.b64decode(parts[1].encode("ascii"), validate=True)
    except ValueError as error:
        raise ContractError("not an OpenSSH public key: %s" % error) from error
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def fingerprint_line(public_key: str) -> str:
    """Return the line that the bootstrap writes into the task's log and that the desktop looks for there."""
    return FINGERPRINT_LOG_PREFIX + fingerprint(public_key)


def fingerprints_in_log(lines: List[str]) -> List[str]:
    """Return what the log announces, in order, each once. More than one: another user wrote into it."""
    fingerprints: Dict[str, None] = {}
    for text in lines:
        for line in text.splitlines():
            _, prefix, rest = line.partition(FINGERPRINT_LOG_PREFIX)
            if prefix and rest.split():
                fingerprints[rest.split()[0][:MAX_FINGERPRINT]] = None
    return list(fingerprints)


def param_true(value: Optional[str], default: bool) -> bool:
    """Read a boolean hyper-parameter; ClearML stores every value as text and its web page lets users edit it."""
    if value is None or not value.strip():
        return default
    return value.strip().lower() in ("1", "true", "yes", "on")


def told_its_end(task: str, record: str, report: str) -> bool:
    """True if these runtime properties are those of a session of that task which ended in order."""
    try:
        return Record.loads(record).task == task and Report.loads(report).phase == ENDED
    except ContractError:
        return False

"""The session's task over the ClearML API: address, keys and certificates from the clearml SDK, requests of our own.

The SDK's own requests repeat silently for hours when the server is away; ours end after seconds. Methods may be called
from any thread, one request at a time. Importing the SDK takes the better part of a second.
"""

import importlib.util
import json
import re
import sys
import threading
import time
import types
from typing import Any, Dict, Mapping, Tuple
from urllib.parse import urlsplit

import requests  # type: ignore[import-untyped]  # no stubs in the project

from remote_bootstrap import __version__, contract
from remote_bootstrap.contract import clearml_session
from remote_bootstrap.task.report import ServerError, TaskFacts, TaskStatus, as_text

TIMEOUT = (3.0, 10.0)  # seconds to connect, to answer
EDIT_RUNTIME = (2, 34)  # the API version that has tasks.edit_runtime
REWRITTEN = re.compile(r"\A_|__|[.$%]|\A\s|\s\Z")  # names that tasks.edit_runtime stores under other names
ENDED = (400, 110)  # "Invalid task status": that call leaves ended tasks alone, forced or not
NO_FIELD = (400, 14)
CREATED = "created"  # enqueue_status of a task that has been enqueued once
UNAUTHORIZED = 401
REFUSED = 300.0  # seconds until a key or token that the server refused is shown to it again
CLIENT = "sessiondock-session"  # names us in the server's log, beside the SDK
WORKER = "sessiondock"
AGENT_PORTS = "_external_host_tcp_port_mapping"  # runtime property of clearml-agent

SDK = "clearml"


def _sdk_session_class() -> Any:
    """Return the SDK's Session without the rest of the SDK: ``import clearml`` loads Task, numpy and more, which takes
    2 s in a fresh environment; the session alone takes 0.7 s. The task's requirements pin the version that this
    fits."""
    sdk = importlib.util.find_spec(SDK)
    if sdk is None or SDK in sys.modules:
        return importlib.import_module(SDK + ".backend_api").Session
    package = types.ModuleType(SDK)
    package.__path__ = list(sdk.submodule_search_locations or [])
    package.__spec__ = sdk
    sys.modules[SDK] = package
    return importlib.import_module(SDK + ".backend_api.session").Session


class ClearMLTask:
    """Implements report.TaskServer."""

    def __init__(self, task: str) -> None:
        """Log in. Blocks while the server can't be reached. Raises the SDK's errors for a missing configuration."""
        self._task = task
        session_class = _sdk_session_class()
        session_class.add_client(CLIENT, __version__)
        self._sdk = session_class(initialize_logging=False)
        self._http = requests.Session()
        self._http.verify = self._sdk.config.get("api.verify_certificate", True)
        who = {"X-ClearML-Client": str(self._sdk.client), "X-ClearML-Worker": str(self._sdk.worker or WORKER)}
        self._http.headers.update(who)
        self._token = str(self._sdk.token)
        self._refused = 0.0  # when, by the monotonic clock
        self._lock = threading.Lock()  # of one request
        self._editing = threading.Lock()  # of the runtime properties, which takes several
        self._api_version = _version(str(session_class.max_api_version or session_class.api_version))

    @property
    def api_host(self) -> str:
        return str(self._sdk.host)

    def parameters(self) -> Dict[str, str]:
        section = dict(self._get("hyperparams").get("hyperparams") or {}).get(contract.SECTION) or {}
        return {name: as_text(entry.get("value")) for name, entry in section.items()}

    def facts(self) -> TaskFacts:
        names = (AGENT_PORTS, clearml_session.RUNTIME_INNER_PORT, contract.RUNTIME_RECORD, contract.RUNTIME_REPORT)
        wanted = ["runtime." + name for name in names]
        fields = self._get("name", "container", "configuration." + contract.CONFIG_CODE, *wanted)
        runtime = dict(fields.get("runtime") or {})
        container = dict(fields.get("container") or {})
        code = dict(fields.get("configuration") or {}).get(contract.CONFIG_CODE) or {}
        return TaskFacts(
            name=as_text(fields.get("name")),
            image=as_text(container.get("image")),
            setup_script=as_text(container.get("setup_shell_script")),
            web_host=as_text(self._sdk.config.get("api.web_server", None)),
            files_host=as_text(self._sdk.config.get("api.files_server", None)),
            code=as_text(code.get("value")),
            over=self._is_over(
                as_text(runtime.get(contract.RUNTIME_RECORD)), as_text(runtime.get(contract.RUNTIME_REPORT))
            ),
            published_ports=as_text(runtime.get(AGENT_PORTS)),
            assigned_port=as_text(runtime.get(clearml_session.RUNTIME_INNER_PORT)),
        )

    def _is_over(self, record: str, report: str) -> bool:
        """True if an entry that was left in a queue starts a session which has ended. A user who wants it again
        enqueues it after its end, which the server notes. Raises ServerError."""
        if not contract.told_its_end(self._task, record, report):
            return False
        try:
            before = as_text(self._get("enqueue_status").get("enqueue_status"))
        except ServerError as error:
            if error.code == NO_FIELD:  # an older server
                return False
            raise
        return before == CREATED

    def status(self) -> TaskStatus:
        names = ("status", "status_message", "last_change")
        fields = self._get(*names)
        return TaskStatus(*(as_text(fields.get(name)) for name in names))

    def edit_runtime(self, properties: Mapping[str, str]) -> None:
        """Edit them one by one where the server does that; the whole of them where it would not, or under other
        names."""
        with self._editing:
            left = dict(properties)
            if self._api_version >= EDIT_RUNTIME:
                each = {name: left[name] for name in left if not REWRITTEN.search(name)}
                if each and self._edit_each(each):
                    left = {name: left[name] for name in left if name not in each}
            if left:
                self._edit_whole(left)

    def _edit_each(self, properties: Dict[str, str]) -> bool:
        """Edit them one by one; False for a task that has ended. Raises ServerError."""
        try:
            self.call("tasks.edit_runtime", {"task": self._task, "add_or_update": properties, "force": True})
        except ServerError as error:
            if error.code != ENDED:
                raise
            return False
        return True

    def _edit_whole(self, properties: Dict[str, str]) -> None:
        """Read, change and write all of them: what others write in between is lost, so it is the exception."""
        before = dict(self._get("runtime").get("runtime") or {})
        after = {**before, **properties}
        if after != before:
            self.call("tasks.edit", {"task": self._task, "runtime": after, "force": True})

    def edit_properties(self, properties: Mapping[str, str]) -> None:
        section = clearml_session.PROPERTIES
        items = [{"section": section, "name": n, "value": v, "type": "str"} for n, v in properties.items()]
        body = {"task": self._task, "hyperparams": items, "replace_hyperparams": "none", "force": True}
        self.call("tasks.edit_hyper_params", body)

    def log(self, text: str) -> None:
        event = {
            "type": "log",
            "task": self._task,
            "worker": str(self._sdk.worker or WORKER),
            "level": "info",
            "timestamp": int(time.time() * 1000),
            "msg": text,
        }
        self._send("events.add_batch", json.dumps(event), "application/json-lines")

    def ping(self) -> None:
        self.call("tasks.ping", {"task": self._task})

    def stopped(self, reason: str) -> None:
        body = {"task": self._task, "force": True, "status_reason": reason, "status_message": reason}
        self.call("tasks.stopped", body)

    def _get(self, *fields: str) -> Dict[str, Any]:
        body = {"id": [self._task], "only_fields": ["id", *fields], "search_hidden": True}
        tasks = self.call("tasks.get_all", body).get("tasks") or []
        return dict(tasks[0]) if tasks else {}

    def call(self, endpoint: str, body: Dict[str, Any]) -> Dict[str, Any]:
        return self._send(endpoint, json.dumps(body), "application/json")

    def _send(self, endpoint: str, body: str, kind: str) -> Dict[str, Any]:
        with self._lock:
            if self._refused and time.monotonic() - self._refused < REFUSED:
                raise ServerError("%s: the server refuses the session's key" % endpoint)
            answer = self._post(endpoint, body, kind)
            if answer.status_code == UNAUTHORIZED:
                self._log_in()
                answer = self._post(endpoint, body, kind)
            self._refused = time.monotonic() if answer.status_code == UNAUTHORIZED else 0.0
        return _data(endpoint, answer)

    def _post(self, endpoint: str, body: str, kind: str) -> requests.Response:
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": kind}
        return self._request(endpoint, data=body.encode("utf-8"), headers=headers)

    def _request(self, endpoint: str, **arguments: Any) -> requests.Response:
        try:
            return self._http.post("%s/%s" % (self.api_host, endpoint), timeout=TIMEOUT, **arguments)
        except requests.RequestException as error:
            raise ServerError("%s: %s" % (endpoint, type(error).__name__)) from error

    def _log_in(self) -> None:
        """Get a new token: the old one expired, or the server lost it in a restart. Raises ServerError."""
        if not (self._sdk.access_key and self._sdk.secret_key):
            self._refused = time.monotonic()
            raise ServerError("the agent's token is not accepted any more")
        answer = self._request("auth.login", json={}, auth=(self._sdk.access_key, self._sdk.secret_key))
        if answer.status_code == UNAUTHORIZED:
            self._refused = time.monotonic()
        self._token = str(_data("auth.login", answer).get("token") or "")


def _version(text: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _data(endpoint: str, answer: requests.Response) -> Dict[str, Any]:
    try:
        envelope = answer.json()
    except ValueError as error:
        host = urlsplit(answer.url).hostname
        raise ServerError("%s: %s answered %d, which is not JSON" % (endpoint, host, answer.status_code)) from error
    if answer.status_code != requests.codes.ok:
        meta = (envelope.get("meta") if isinstance(envelope, dict) else None) or {}
        code = (answer.status_code, int(meta.get("result_subcode") or 0))
        raise ServerError("%s: %d %s" % (endpoint, answer.status_code, meta.get("result_msg", "")), code)
    return dict(envelope.get("data") or {})

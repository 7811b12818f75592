"""A session's task without a server: files in a folder stand for what the ClearML server would hold.

The bootstrap runs in processes of its own, so the fake behind ``report.TaskServer`` is shared by way of the disk.
Python 3.8, because the bootstrap's tests run on that too.
"""

from __future__ import annotations  # Python 3.8 runs the router's test

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping  # noqa: UP035  Python 3.8, like the bootstrap itself

from remote_bootstrap.task.report import ServerError, TaskFacts, TaskStatus


class TaskOnDisk:
    """Both ends: the bootstrap calls the methods of TaskServer, a test the ones below them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def api_host(self) -> str:
        return "http://127.0.0.1:1"

    def parameters(self) -> Dict[str, str]:  # noqa: UP006
        self._must_be_up()
        return dict(self._read("parameters"))

    def facts(self) -> TaskFacts:
        self._must_be_up()
        return TaskFacts(**{"name": "a session", **self._read("facts")})

    def status(self) -> TaskStatus:
        self._must_be_up()
        found = self._read("status")
        return TaskStatus(found.get("status", "in_progress"), found.get("message", ""))

    def edit_runtime(self, properties: Mapping[str, str]) -> None:
        self._must_be_up()
        self._write("runtime", {**self._read("runtime"), **properties})

    def call(self, endpoint: str, body: Dict[str, Any]) -> Dict[str, Any]:  # noqa: UP006
        self._must_be_up()
        sys.audit("sessiondock.request", endpoint, body)
        with (self._folder / "requests").open("a") as stream:
            stream.write(json.dumps([endpoint, body]) + "\n")
        answers = self._read("answers")
        if endpoint not in answers:
            raise ServerError(f"{endpoint}: the task on disk has no other tasks beside it")
        return dict(answers[endpoint])

    def edit_properties(self, properties: Mapping[str, str]) -> None:
        self._must_be_up()
        self._write("properties", {**self._read("properties"), **properties})

    def log(self, text: str) -> None:
        self._must_be_up()
        with (self._folder / "log").open("a") as stream:
            stream.write(text + "\n")

    def ping(self) -> None:
        self._must_be_up()

    def stopped(self, reason: str) -> None:
        self._must_be_up()
        self.set_status("stopped", reason)

    # what a test does

    def set_parameters(self, parameters: Mapping[str, str]) -> None:
        self._write("parameters", dict(parameters))

    def set_facts(self, **facts: str | bool) -> None:
        self._write("facts", dict(facts))

    def set_answers(self, answers: Mapping[str, Any]) -> None:
        """What other endpoints of the API say, whatever they are asked."""
        self._write("answers", dict(answers))

    def set_status(self, status: str, message: str = "") -> None:
        self._write("status", {"status": status, "message": message})

    def set_down(self, down: bool) -> None:
        if down:
            (self._folder / "down").touch()
        else:
            (self._folder / "down").unlink()

    def runtime(self) -> Dict[str, str]:  # noqa: UP006
        return {str(name): str(text) for name, text in self._read("runtime").items()}

    def properties(self) -> Dict[str, str]:  # noqa: UP006
        return {str(name): str(text) for name, text in self._read("properties").items()}

    def logged(self) -> str:
        path = self._folder / "log"
        return path.read_text("utf-8") if path.is_file() else ""

    def asked(self) -> List[Any]:  # noqa: UP006
        """What went through ``call``, in whatever process: pairs of endpoint and body."""
        path = self._folder / "requests"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []

    def _must_be_up(self) -> None:
        if (self._folder / "down").exists():
            raise ServerError("the test took the server down")

    def _read(self, name: str) -> Dict[str, Any]:  # noqa: UP006
        path = self._folder / name
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}

    def _write(self, name: str, value: Dict[str, Any]) -> None:  # noqa: UP006
        fresh = self._folder / (name + ".new")
        fresh.write_text(json.dumps(value), encoding="utf-8")
        fresh.replace(self._folder / name)

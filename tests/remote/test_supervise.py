"""What a supervised service may tell about its failure."""

import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import private
from remote_bootstrap.machine.listening import strays
from remote_bootstrap.machine.network import ANY, LOOPBACK, free_port, http_status
from remote_bootstrap.session.supervise import Launch, Service
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.types import Log
from tests.support.waiting import wait_until

SECRET = "the-token-of-this-service"


class Talkative:
    """A service that prints its token and dies."""

    key = "talkative"
    host = LOOPBACK
    secret = SECRET
    marker = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, log: Log) -> None:
        """Nothing is missing."""

    def launch(self) -> Launch:
        return Launch([sys.executable, "-c", f"print('see /lab?token={SECRET} now')"], {}, self._folder)

    def ready(self, pid: int) -> int:
        return 0


def test_the_token_of_a_service_that_fails_stays_out_of_the_report_and_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    progress = Progress(begun=0.0)
    Service(Talkative(tmp_path), progress, private(tmp_path / "logs"), said.append, threading.Event()).run()
    told = progress.current().apps["talkative"]
    assert told.state == contract.APP_FAILED
    assert "see /lab?token=*** now" in told.detail
    assert SECRET not in told.detail + "".join(said)


SERVES = """
import http.server, socket, sys, threading
class Six(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    kind = Six if ":" in host else http.server.ThreadingHTTPServer
    server = kind((host, int(port)), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever).start()
"""


class Listener:
    """A service that listens at ``places``, of which the first is where it was told to."""

    key = "listener"
    secret = marker = ""

    def __init__(self, folder: Path, host: str, *more: str, first: str = LOOPBACK) -> None:
        self.host, self._folder, self.port = host, folder, free_port(LOOPBACK)
        self._places = [f"{first}:{self.port}", *more]
        self.pid = 0

    def install(self, log: Log) -> None:
        """Nothing is missing."""

    def launch(self) -> Launch:
        return Launch([sys.executable, "-c", SERVES, *self._places], {}, self._folder)

    def ready(self, pid: int) -> int:
        self.pid = pid
        return self.port if http_status(self.port, "/") == 200 else 0


class Beaten(Listener):
    """Another user of the machine has taken its port; it goes on for a while without."""

    def launch(self) -> Launch:
        return Launch([sys.executable, "-c", "import time; time.sleep(60)"], {}, self._folder)

    asked = 0

    def ready(self, pid: int) -> int:
        found = super().ready(pid)
        self.asked += bool(found)
        return found


def test_who_took_the_port_of_a_server_is_not_taken_for_it(tmp_path: Path) -> None:
    """The next browser would tell him the server's password, which the server itself has, too, at its next start."""
    app = Beaten(tmp_path, LOOPBACK)
    progress, stop = Progress(begun=0.0), threading.Event()
    service = Service(app, progress, private(tmp_path / "logs"), lambda _text: None, stop)
    with ThreadingHTTPServer((LOOPBACK, app.port), SimpleHTTPRequestHandler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            service.start()
            wait_until(lambda: app.asked > 2, "answers of the other one")
            assert progress.current().apps[app.key].state == contract.APP_STARTING
            assert progress.current().apps[app.key].port == 0
        finally:
            stop.set()
            service.join(20)
            other.shutdown()
            thread.join(20)


def run(app: Listener, folder: Path) -> contract.AppReport:
    """Until it is ready, or has failed."""
    progress, stop = Progress(begun=0.0), threading.Event()
    service = Service(app, progress, private(folder / "logs"), lambda _text: None, stop)
    service.start()
    done = (contract.APP_READY, contract.APP_FAILED)
    wait_until(lambda: app.key in progress.current().apps and progress.current().apps[app.key].state in done, "its end")
    found = progress.current().apps[app.key]
    stop.set()
    service.join(20)
    return found


@pytest.mark.parametrize("first", ["0.0.0.0", "::"])
def test_a_server_that_listens_on_all_interfaces_is_ended_with_the_reason(tmp_path: Path, first: str) -> None:
    app = Listener(tmp_path, LOOPBACK, first=first)
    told = run(app, tmp_path)
    assert told.state == contract.APP_FAILED
    assert "it listened on" in told.detail and f"told to listen on {LOOPBACK} only" in told.detail
    assert not Path(f"/proc/{app.pid}").exists()


def test_one_more_port_for_everybody_is_one_too_many(tmp_path: Path) -> None:
    more = f"0.0.0.0:{free_port(LOOPBACK)}"
    told = run(Listener(tmp_path, LOOPBACK, more), tmp_path)
    assert told.state == contract.APP_FAILED and more in told.detail
    assert run(Listener(tmp_path, ANY, f"0.0.0.0:{free_port(LOOPBACK)}", first=ANY), tmp_path).state == "failed"


def test_where_it_was_told_is_right_and_so_is_loopback(tmp_path: Path) -> None:
    assert run(Listener(tmp_path, LOOPBACK, f"::1:{free_port(LOOPBACK)}"), tmp_path).state == contract.APP_READY
    assert run(Listener(tmp_path, ANY, f"127.0.0.2:{free_port(LOOPBACK)}", first=ANY), tmp_path).state == "ready"


def test_no_group_has_no_strays() -> None:
    assert strays(2**22 + 5, LOOPBACK, 1) == []

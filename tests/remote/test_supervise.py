"""What a supervised service may tell about its failure."""

import sys
import threading
from pathlib import Path

from remote_bootstrap import contract
from remote_bootstrap.folders import private
from remote_bootstrap.progress import Progress
from remote_bootstrap.store import Say
from remote_bootstrap.supervise import Launch, Service

SECRET = "the-token-of-this-service"


class Talkative:
    """A service that prints its token and dies."""

    key = "talkative"
    secret = SECRET
    marker = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, say: Say) -> None:
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

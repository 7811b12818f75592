"""Set-ups that fail: one application of two, and a whole task. Each says why where a person looks."""

from collections.abc import Iterator

import pytest

from desktop_app.domain.sessions.snapshot import Status
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from tests.e2e import evidence
from tests.e2e.failure_site import QUEUE, Site
from tests.e2e.main_job import LAUNCH_SECONDS
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

DEFAULT = "default"  # the queue that the wizard proposes at first


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.sign_in()
        yield site


@pytest.mark.parity("H1")
def test_one_application_that_fails_leaves_the_other_usable(site: Site) -> None:
    site.start_agent()
    site.name = "half a session"
    site.enqueue(QUEUE, "--jupyter-lab-version", "99.0.0")
    site.ensure_connected()
    site.wait_words(f"app-state-{JUPYTERLAB.key}", "JupyterLab could not be installed",
                    "No matching distribution found for jupyterlab==99.0.0", seconds=LAUNCH_SECONDS)  # fmt: skip
    wait_until(lambda: site.app_state(VSCODE.key) == "ready", "VS Code", LAUNCH_SECONDS)
    site.open_vscode()
    site.shut_down()
    assert evidence.session_processes(site.task) == []


@pytest.mark.parity("H2")
def test_a_failed_set_up_shows_the_lines_that_matter(site: Site) -> None:
    site.start_agent(DEFAULT)
    site.press("new-session")
    site.press("fold-environment")
    site.widget("option-packages").set_text("no-such-package-of-sessiondock==99")
    site.launch()
    site.wait_status(Status.FAILED, seconds=LAUNCH_SECONDS)
    said = site.wait_words("problem-banner", "The session failed to start", "no-such-package-of-sessiondock")
    assert len(said) < 3000

"""Keys that are refused, servers that are away, queues without agents, keyrings that give nothing: in the window."""

from collections.abc import Iterator

import pytest

from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.sessions.snapshot import Status
from tests.e2e.failure_site import Site
from tests.support.desktop_rig import Keyring

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Quotes, markup, right-to-left override, other scripts, and more than two hundred characters.
ODD = 'Zoë\'s “7” "q" <b>bold</b> & _x_ \u202eהפוך 会话 ' + "long " * 28 + "end"
SHOWN = clean_line(ODD)  # direction overrides are left out: they would turn the words around them


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(ODD) as site:
        yield site


@pytest.fixture
def home(site: Site) -> Site:
    """The person has an account, and the window is open."""
    site.sign_in()
    return site


@pytest.fixture
def waiting(home: Site) -> Site:
    """One session waits in a queue that nobody serves."""
    home.enqueue("default")
    home.wait_status(Status.QUEUED)
    return home


def test_a_wrong_key_is_told_where_it_is_entered_and_the_right_one_goes_on(site: Site) -> None:
    refused = site.cli("accounts", "add", site.info.api_url, site.access_key, stdin="not-the-secret\n", code=1)
    assert refused["error"]["code"] == "server.unauthorised"
    site.start_app()
    site.fill_in_key("not-the-secret")
    said = site.wait_words("wizard-banner", "The ClearML server refuses the API key")
    assert site.info.api_url in said and "Settings > Workspace > API credentials" in said
    site.fill_in_key(site.secret_key)
    site.widget("option-name")


@pytest.mark.parity("H3")
def test_a_queue_that_nobody_serves_is_told_before_and_after(home: Site) -> None:
    site = home
    site.press("new-session")
    site.wait_words("queue-warning", "No agent serves this queue now")
    site.launch()
    site.wait_status(Status.QUEUED)
    said = site.wait_words("problem-banner", "No agent serves this queue", "“default”")
    assert "waits until one does" in said
    assert site.widget("session-name").name == SHOWN
    assert any(label.startswith("Zoë's") for label in site.tray().labels())
    rows = site.command("list")["sessions"]
    assert [(row["name"], row["status"]) for row in rows] == [(SHOWN, "Queued")]
    assert site.api("tasks.get_by_id", task=site.task)["task"]["name"] == SHOWN
    site.press("action-cancel")
    site.wait_status(Status.ENDED)


def test_names_that_are_odd_are_made_readable_or_refused(site: Site) -> None:
    site.cli("accounts", "add", site.info.api_url, site.access_key, stdin=site.secret_key)
    site.name = "line\nbreak 'x'"
    assert site.enqueue("default", "--project", '<i>Team<i>/"ü"')["name"] == "line break 'x'"
    long = site.cli("launch", "--queue", "default", "--session-name", "x" * 201, code=1)["error"]
    assert long["code"] == "launch.invalid" and "longer than 200" in long["detail"]


def test_a_server_that_stops_answering_is_told_and_found_again(waiting: Site) -> None:
    site = waiting
    assert site.server is not None
    site.server.kill()
    site.wait_words("account-banner", "The ClearML server can't be reached", site.info.api_url)
    site.wait_status(Status.OFFLINE)
    site.start_server()
    site.wait_status(Status.QUEUED, seconds=60)
    site.wait_gone("account-banner")


def test_a_server_that_is_down_at_the_start_is_told_and_found_later(waiting: Site) -> None:
    site = waiting
    site.quit()
    assert site.server is not None
    site.server.kill()
    site.start_app()
    site.wait_words("account-banner", "The ClearML server can't be reached")
    site.start_server()
    site.wait_gone("account-banner", 60)
    site.wait_status(Status.QUEUED)


def test_a_key_that_was_revoked_is_asked_for_again(home: Site) -> None:
    site = home
    site.quit()
    site.revoke_keys()
    site.start_app()
    site.wait_words("account-banner", "refuses the API key")
    assert site.widget("remedy-sign_in").name == "Update API key…"


KEYRINGS = {
    Keyring.LOCKED: "The keyring is locked",
    Keyring.SILENT: "The keyring does not answer",
    Keyring.ABSENT: "This computer has no keyring",
}


@pytest.mark.parametrize("keyring", KEYRINGS)
def test_a_keyring_that_gives_nothing_is_told_and_the_window_stays_usable(home: Site, keyring: Keyring) -> None:
    site = home
    site.quit()
    site.rig.set_keyring(keyring)
    site.start_app()
    site.wait_words("account-banner", KEYRINGS[keyring])
    site.press("new-session", 5)
    site.widget("option-name", 5).set_text("still usable")
    site.press("wizard-cancel", 5)
    site.wait_gone("wizard", 5)

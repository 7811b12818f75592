"""The card of what a session gets: the machine is named, pressing Give is the consent, over a staged core."""

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.launch.options import LaunchSpec, to_session
from desktop_app.domain.sessions.reducer import Detached, TunnelUp
from remote_bootstrap.contract.git import GitLogin
from tests.ui import stage
from tests.ui.finding import find


@pytest.fixture
def card(qtbot, core, face):
    face.window.sidebar.select(stage.READY)
    core.world.memory.sessions.save_options(stage.CONNECTED.text, to_session(LaunchSpec(git_credentials=True)))
    core.world.git = GitIdentity((GitLogin("https", "github.com", "ada", "a-token"),))
    face.window.sidebar.select(stage.CONNECTED)
    made = face.window.details.handovers
    qtbot.waitUntil(lambda: "10.0.4.17" in find(made, "handover-place", QLabel).text())
    return made


def visible(card, identifier: str) -> bool:
    return find(card, identifier, QPushButton).isVisibleTo(card)


def gave(core) -> list[tuple[object, ...]]:
    return [call for call in core.calls if call[0] in ("handovers.give", "handovers.withhold")]


@pytest.mark.parity("--git-credentials")
def test_what_waits_for_consent_says_so_and_nothing_goes_by_itself(core, card) -> None:
    assert "gpu-box:0 at 10.0.4.17" in find(card, "handover-place", QLabel).text()
    assert find(card, "handover-state-git", QLabel).text() == "Waits for your consent."
    assert visible(card, "handover-give-git") and visible(card, "handover-refuse-git")
    assert visible(card, "handover-give-clearml") and not visible(card, "handover-refuse-clearml")
    assert find(card, "handover-give-git", QPushButton).accessibleName() == "Give your git logins and settings"
    assert gave(core) == []


def test_give_and_take_back(qtbot, core, card) -> None:
    find(card, "handover-give-git", QPushButton).click()
    qtbot.waitUntil(lambda: visible(card, "handover-back-git"))
    assert not visible(card, "handover-give-git")
    find(card, "handover-back-git", QPushButton).click()
    qtbot.waitUntil(lambda: visible(card, "handover-give-git"))
    assert gave(core) == [
        ("handovers.give", stage.CONNECTED, "git_credentials"),
        ("handovers.withhold", stage.CONNECTED, "git_credentials"),
    ]


def test_a_failure_is_told_where_the_person_looks(qtbot, core, card) -> None:
    core.failures["handovers.give"] = stage.failing("agent.none")
    find(card, "handover-give-ssh-agent", QPushButton).click()
    qtbot.waitUntil(lambda: "There is no SSH agent" in find(card, "handover-place", QLabel).text())
    assert find(card, "handover-give-ssh-agent", QPushButton).isEnabled()
    assert visible(card, "handover-give-ssh-agent")


def test_it_is_there_only_while_connected(qtbot, core, face, card) -> None:
    core.apply(stage.CONNECTED, Detached())
    qtbot.waitUntil(lambda: not card.isVisibleTo(face.window))
    asked = len(core.calls)
    core.apply(stage.CONNECTED, TunnelUp())
    qtbot.waitUntil(lambda: card.isVisibleTo(face.window) and len(core.calls) > asked)


def test_nothing_can_be_given_before_the_machine_is_named(qtbot, core, face, card) -> None:
    """Another session is chosen: the last one's machine goes, and no button works until the new one's is there."""
    core.failures["handovers.view"] = stage.failing("ssh.lost", address="10.0.0.12")
    core.apply(stage.CONNECTING, TunnelUp())
    face.window.sidebar.select(stage.CONNECTING)
    place = find(card, "handover-place", QLabel)
    assert "10.0.4.17" not in place.text()
    qtbot.waitUntil(lambda: place.text() not in ("", "Asking the session…"))
    assert not find(card, "handover-give-git", QPushButton).isEnabled()

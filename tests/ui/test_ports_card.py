"""The card of a session's ports: what a person sees and clicks, over a staged core."""

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.reducer import AttachRequested, TunnelUp
from desktop_app.ui.windows.cards.ports_card import EMPTY
from remote_bootstrap.contract import OP_LISTENING
from tests.ui import stage
from tests.ui.finding import find


@pytest.fixture
def card(qtbot, core, face):
    face.window.sidebar.select(stage.READY)
    core.ports.forward(stage.CONNECTED, 7860, Cancel(5), local=7861)
    core.calls.clear()
    face.window.sidebar.select(stage.CONNECTED)
    made = face.window.details.ports
    qtbot.waitUntil(lambda: made.findChildren(QPushButton) and shown(made, "port-stop-7860") is not None)
    return made


def shown(card: QWidget, identifier: str) -> QPushButton | None:
    """The button, if a person sees it."""
    found = [one for one in card.findChildren(QPushButton) if one.accessibleIdentifier() == identifier]
    return next((one for one in found if one.isVisibleTo(card)), None)


def calls(core, name: str) -> list[tuple[object, ...]]:
    return [call for call in core.calls if call[0] == name]


def test_every_port_says_what_it_is_and_offers_what_makes_sense(card) -> None:
    assert find(card, "port-about-6006", QLabel).text() == "port 6006 · python bin/tensorboard --logdir …"
    assert shown(card, "port-forward-6006") and not shown(card, "port-stop-6006")
    assert shown(card, "port-stop-7860") and not shown(card, "port-forward-7860")
    assert find(card, "port-address-7860", QPushButton).text() == "127.0.0.1:7861"
    assert not shown(card, "port-open-5678"), "a debugger is no page"
    assert find(card, "port-forward-6006", QPushButton).accessibleName() == "Forward TensorBoard, port 6006"


def test_the_machines_own_ports_are_folded(qtbot, card) -> None:
    assert not shown(card, "port-forward-9100")
    fold = find(card, "ports-machine", QPushButton)
    assert fold.text() == "1 port of the machine itself"
    fold.click()
    qtbot.waitUntil(lambda: shown(card, "port-forward-9100") is not None)


def test_ports_that_are_not_listed_are_counted(qtbot, core, card) -> None:
    assert not find(card, "ports-unlisted", QLabel).isVisibleTo(card)
    core.tunnel.answers[OP_LISTENING] = stage.listening(more=12)
    card._look()
    text = find(card, "ports-unlisted", QLabel)
    qtbot.waitUntil(lambda: text.isVisibleTo(card))
    assert text.text().startswith("Not listed: 12 more ports.")


def test_forward_open_and_stop_reach_the_core_and_show_at_once(qtbot, core, card) -> None:
    find(card, "port-forward-6006", QPushButton).click()
    qtbot.waitUntil(lambda: shown(card, "port-stop-6006") is not None)
    find(card, "port-open-6006", QPushButton).click()
    qtbot.waitUntil(lambda: calls(core, "ports.open") == [("ports.open", stage.CONNECTED, 6006)])
    stop = find(card, "port-stop-6006", QPushButton)
    qtbot.waitUntil(stop.isEnabled)
    stop.click()
    qtbot.waitUntil(lambda: shown(card, "port-forward-6006") is not None)


def test_a_second_click_does_nothing_while_the_first_is_under_way(qtbot, core, card) -> None:
    core.gates["ports.forward"] = threading.Event()
    button = find(card, "port-forward-6006", QPushButton)
    button.click()
    qtbot.waitUntil(lambda: not button.isEnabled())
    button.click()
    core.gates["ports.forward"].set()
    qtbot.waitUntil(lambda: shown(card, "port-stop-6006") is not None)
    assert len(calls(core, "ports.forward")) == 1


def test_what_fails_is_told_in_the_banner(qtbot, core, face, card) -> None:
    core.failures["ports.open"] = stage.failing("port.silent", port=6006, local=6006)
    find(card, "port-open-6006", QPushButton).click()
    qtbot.waitUntil(lambda: face.commands.failure(stage.CONNECTED) is not None)
    assert face.commands.failure(stage.CONNECTED).code == "port.silent"


def test_a_service_can_be_forwarded_always(qtbot, core, card) -> None:
    (rule,) = [one for one in card.findChildren(QAction) if one.objectName() == "port-always-6006"]
    assert rule.text() == "Always forward TensorBoard"
    rule.trigger()
    qtbot.waitUntil(lambda: "always forwarded" in find(card, "port-about-6006", QLabel).text())
    assert calls(core, "ports.always") == [("ports.always", "tensorboard", True)]


def test_an_address_goes_to_the_clipboard(qtbot, qapp, card) -> None:
    find(card, "port-address-7860", QPushButton).click()
    assert qapp.clipboard().text() == "127.0.0.1:7861"


def test_nothing_there_is_said(qtbot, core, card) -> None:
    core.ports.stop(stage.CONNECTED, 7860, Cancel(5))
    core.tunnel.answers[OP_LISTENING] = {"ports": []}
    card._look()
    qtbot.waitUntil(lambda: find(card, "ports-hint", QLabel).isVisibleTo(card))
    assert find(card, "ports-hint", QLabel).text() == EMPTY


def test_a_port_that_nobody_listens_to_any_more_can_be_given_up(qtbot, core, card) -> None:
    core.ports.forward(stage.CONNECTED, 8888, Cancel(5))
    card._look()
    qtbot.waitUntil(lambda: shown(card, "port-stop-8888") is not None)
    assert not shown(card, "port-open-8888")


def test_only_a_connected_session_is_asked(qtbot, core, face, card) -> None:
    face.window.sidebar.select(stage.READY)
    qtbot.waitUntil(lambda: not card.isVisible())
    asked = {call[1] for call in calls(core, "ports.look")}
    assert asked == {stage.CONNECTED}
    core.apply(stage.READY, AttachRequested(stage.PORTS), TunnelUp())
    qtbot.waitUntil(lambda: ("ports.look", stage.READY) in core.calls)


def test_a_minimised_window_asks_nothing(qtbot, core, face, card) -> None:
    qtbot.waitUntil(lambda: not card._asking)
    face.window.showMinimized()
    before = len(calls(core, "ports.look"))
    card._tick()
    assert len(calls(core, "ports.look")) == before and not card._asking
    face.window.showNormal()
    card._tick()
    qtbot.waitUntil(lambda: len(calls(core, "ports.look")) > before)


def test_a_reconnecting_session_keeps_its_ports_in_sight(qtbot, core, face, card) -> None:
    face.window.sidebar.select(stage.RETRYING)
    assert card.isVisible()


def test_the_proxy_and_reverse_forwards_are_below_more(qtbot, core, card) -> None:
    assert not shown(card, "ports-proxy")
    find(card, "ports-more", QPushButton).click()
    find(card, "ports-proxy", QPushButton).click()
    qtbot.waitUntil(lambda: shown(card, "stop-socks:0") is not None)
    assert not shown(card, "ports-proxy")
    remote, local = find(card, "reverse-remote", QLineEdit), find(card, "reverse-local", QLineEdit)
    add = find(card, "reverse-add", QPushButton)
    for text, good in (("", False), ("70000", False), ("3128", True)):
        remote.setText(text)
        local.setText("8888")
        assert add.isEnabled() is good
    qtbot.keyClick(local, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: shown(card, "stop-reverse:3128") is not None)
    assert calls(core, "ports.reverse") == [("ports.reverse", stage.CONNECTED, 3128, 8888)]
    assert not add.isEnabled()
    stop = find(card, "stop-reverse:3128", QPushButton)
    assert "8888 of this computer" in stop.accessibleName()
    stop.click()
    qtbot.waitUntil(lambda: shown(card, "stop-reverse:3128") is None)

"""The main window: what it shows of the store, how it closes, how small it can get."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPlainTextEdit, QPushButton

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.reducer import Noticed, ServerSaw, TunnelUp
from desktop_app.domain.sessions.snapshot import Remote, Status, status_of
from desktop_app.services.state.notices import Notice
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.wrapped_text import WrappedText
from remote_bootstrap.contract.apps import APPS
from tests.ui import stage
from tests.ui.conftest import faces
from tests.ui.finding import dialog, find

SCALED_TWICE = QSize(640, 400)  # a 1280x800 screen at 200 %
LOGICAL_MARGIN = QSize(10, 40)  # a window frame


@pytest.fixture
def empty_face(qapp, theme):
    core = stage.StagedCore(stage.SANDBOX)
    yield from faces(core, theme)
    core.end()


@pytest.fixture
def first_face(bare, theme):
    yield from faces(bare, theme)


def said(face, identifier) -> str:
    label = find(face.window, identifier, QLabel)
    return label.text()


def toast(face) -> str:
    return face.window._toast.text.text() if face.window._toast.isVisible() else ""


# -- following the store


def test_who_looks_sees_what_is_true_now(qapp, face, core):
    """The server is asked seldom; it is asked when the window comes to the front and when the tray's menu opens."""
    before = core.calls.count(("glance",))
    qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationInactive)
    assert core.calls.count(("glance",)) == before
    qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
    face.menu.aboutToShow.emit()
    assert core.calls.count(("glance",)) == before + 2


@pytest.mark.parametrize("session", stage.EVERY_STATE)
def test_details_follow_the_selected_session(face, core, session):
    face.window.sidebar.select(session)
    snapshot = core.store.get(session)
    assert said(face, "session-name") == " ".join(snapshot.name.split())
    assert said(face, "session-status") == status_of(snapshot).value
    banner = find(face.window, "problem-banner", ProblemBanner)
    assert banner.isVisible() is (snapshot.problem is not None)
    assert banner.remedies == (snapshot.problem.remedies if snapshot.problem else ())
    assert find(face.window, "fact-task", WrappedText).text() == session.task


def test_a_change_shows_up_without_losing_the_selection(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTING)
    core.apply(stage.CONNECTING, TunnelUp())
    qtbot.waitUntil(lambda: said(face, "session-status") == Status.CONNECTED.value)
    core.store.see(stage.session_id(50), stage.facts(Remote.QUEUED, "brand new"))
    qtbot.waitUntil(lambda: face.window.model.row_of(stage.session_id(50)) == 0)
    assert face.window.sidebar.current.id == stage.CONNECTING


def test_a_selected_session_that_goes_leaves_another_selected(qtbot, face, core):
    face.window.sidebar.select(stage.STARTING)
    core.store.remove(stage.STARTING)
    qtbot.waitUntil(lambda: face.window.model.row_of(stage.STARTING) < 0)
    assert face.window.sidebar.current is not None
    assert face.window.details.session == face.window.sidebar.current.id


@pytest.mark.parametrize("stay", [(), (stage.CONNECTED,)], ids=["all of them", "all but one"])
def test_sessions_that_go_together_leave_nothing_broken(qtbot, face, core, stay):
    """As when an account is removed: the selection must not rest on a session that is gone as well."""
    face.window.sidebar.select(stage.EVERY_STATE[-1])
    for session in set(stage.EVERY_STATE) - set(stay):
        core.store.remove(session)
    qtbot.waitUntil(lambda: face.window.model.rowCount() == len(stay))
    current = face.window.sidebar.current
    assert (current.id if current else None) == (stay[0] if stay else None)
    assert face.window.empty.isVisible() is not bool(stay)


def test_a_notice_is_a_banner_of_its_own(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTED)
    lost = problem("agent.lost", worker="gpu-box:0", minutes=3)
    core.apply(stage.CONNECTED, Noticed(lost))
    banner = find(face.window, "notice-banner", ProblemBanner)
    qtbot.waitUntil(banner.isVisible)
    find(banner, "remedy-shut_down", QPushButton).click()
    assert dialog("confirm-shut-down") is not None


def test_what_nobody_answers_for_can_be_ended_anyway(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTED)
    core.apply(stage.CONNECTED, Noticed(problem("agent.gone", worker="gpu-box:0", minutes=3)))
    banner = find(face.window, "notice-banner", ProblemBanner)
    qtbot.waitUntil(banner.isVisible)
    button = find(banner, "remedy-end_anyway", QPushButton)
    assert button.text() == "End it in ClearML anyway"
    button.click()
    qtbot.waitUntil(lambda: any(call[0] == "end_anyway" for call in core.calls))


def test_applications_tell_state_and_address(face):
    face.window.sidebar.select(stage.CONNECTED)
    texts = [
        w.text() for w in face.window.details.findChildren(QPushButton) if "app-address" in w.accessibleIdentifier()
    ]
    assert texts == ["http://127.0.0.1:8878", "http://127.0.0.1:8898", "127.0.0.1:8022"]
    face.window.sidebar.select(stage.READY)
    states = [w.text() for w in face.window.details.findChildren(QLabel) if "app-state" in w.accessibleIdentifier()]
    assert "Failed: no package for this machine: node 18 is missing" in states


def test_an_application_of_a_newer_bootstrap_is_shown(qtbot, face, core):
    seen = stage.ready(7, "x")
    apps = {**seen.report.apps, "future-ide": stage.AppReport("warming", "half way")}
    newer = replace(seen, report=replace(seen.report, apps=apps, sequence=9))
    face.window.sidebar.select(stage.READY)
    core.apply(stage.READY, ServerSaw(newer))
    qtbot.waitUntil(lambda: "app-state-future-ide" in
                    {w.accessibleIdentifier() for w in face.window.details.findChildren(QLabel)})  # fmt: skip
    assert said(face, "app-state-future-ide") == "Warming: half way"


def test_applications_come_in_the_table_s_order_and_go_with_the_session(qtbot, face, core):
    def shown() -> list[str]:
        return [w.accessibleIdentifier() for w in face.window.details.findChildren(QLabel)
                if w.accessibleIdentifier().startswith("app-state") and w.isVisible()]  # fmt: skip

    seen = stage.ready(7, "x")
    backwards = replace(seen, report=replace(seen.report, apps=dict(reversed(seen.report.apps.items())), sequence=9))
    core.apply(stage.READY, ServerSaw(backwards))
    face.window.sidebar.select(stage.READY)
    assert shown() == [f"app-state-{spec.key}" for spec in APPS]
    core.apply(stage.READY, ServerSaw(replace(backwards, remote=Remote.ENDED)))
    qtbot.waitUntil(lambda: shown() == [], timeout=2000)


# -- empty states


def test_no_session_invites(qtbot, empty_face):
    assert any(w.text() == "No sessions yet" for w in empty_face.window.empty.findChildren(QLabel))
    find(empty_face.window, "empty-new-session", QPushButton).click()
    assert empty_face.accounts.wizard is not None and not empty_face.accounts.wizard.on_account_page


def test_the_first_run_opens_the_wizard_on_the_accounts(first_face):
    assert (
        first_face.accounts.wizard is not None
        and first_face.accounts.wizard.isVisible()
        and first_face.accounts.wizard.on_account_page
    )


def test_two_clicks_launch_and_select_the_new_session(qtbot, face, core):
    find(face.window, "new-session", QPushButton).click()
    qtbot.waitUntil(lambda: find(face.accounts.wizard, "option-queue", QComboBox).isEnabled())
    find(face.accounts.wizard, "wizard-next", QPushButton).click()
    qtbot.waitUntil(lambda: face.accounts.wizard is None)
    qtbot.waitUntil(lambda: said(face, "session-name") == "Interactive session")


# -- accounts


def test_the_account_filters_the_list_and_the_sandbox_says_that_it_is_a_demo(qtbot, face):
    assert not find(face.window, "sandbox-hint", QLabel).isVisible()
    face.window.sidebar.account_chosen.emit("sandbox")
    assert face.window.model.rowCount() == len(stage.EVERY_STATE)
    assert "demo" in said(face, "sandbox-hint") and find(face.window, "sandbox-hint", QLabel).isVisible()
    face.window.sidebar.account_chosen.emit("acme")
    assert face.window.model.rowCount() == 0
    assert face.accounts.chosen == "acme"


def test_an_account_s_problem_is_above_the_list_and_can_be_tried_again(qtbot, face, core, expected_log):
    expected_log("account acme: The ClearML server can't be reached")
    server = core.world.server("acme")
    server.problem = problem("server.unreachable", server="https://api.clearml.acme.example")
    core.polling.watch("acme")
    banner = find(face.window, "account-banner", ProblemBanner)
    qtbot.waitUntil(banner.isVisible)
    server.problem = None
    find(banner, "remedy-retry", QPushButton).click()
    qtbot.waitUntil(lambda: not banner.isVisible())
    assert ("queues", "acme") in core.calls


def test_removing_an_account_asks_first(qtbot, face, core):
    face.window.sidebar.remove_account.emit("acme")
    find(dialog("confirm-remove-account"), "confirm-remove-account-yes", QPushButton).click()
    qtbot.waitUntil(lambda: ("remove_account", "acme") in core.calls)


# -- closing and notices


def test_without_a_tray_closing_asks_because_links_would_end(qtbot, face):
    left = []
    face.leaving.connect(lambda: left.append(True))
    face.window.close()
    assert face.window.isVisible(), "a window must not hide where nothing can bring it back"
    assert dialog("confirm-quit").title == "Quit and disconnect 4 sessions?"
    assert not left
    find(dialog("confirm-quit"), "confirm-quit-yes", QPushButton).click()
    assert left


def test_without_a_tray_and_without_links_closing_leaves(qtbot, empty_face):
    with qtbot.waitSignal(empty_face.leaving):
        empty_face.window.close()


def test_with_a_tray_closing_hides_and_tells_once(qtbot, face, monkeypatch):
    host = FakeTray()
    face.tray = host
    face.window.close()
    assert not face.window.isVisible() and len(host.notices) == 1
    face.window.bring_up()
    face.window.close()
    assert not face.window.isVisible() and len(host.notices) == 1


class FakeTray:
    """A desktop with a tray, as far as the controller sees it."""

    usable = True

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notify(self, notice: Notice) -> bool:
        self.notices.append(notice)
        return True

    def refresh(self, _snapshots) -> None: ...

    def close(self) -> None: ...


def test_a_second_start_brings_the_window_up(qtbot, face):
    face.window.hide()
    face.bridge.activate()
    qtbot.waitUntil(face.window.isVisible)


def test_a_notice_reaches_the_tray_only_while_the_window_is_away(qtbot, face, core):
    host = FakeTray()
    face.tray = host
    notice = Notice("Ready", "“x” is ready", stage.READY)
    face.window.activateWindow()
    qtbot.waitUntil(face.window.isActiveWindow)
    with qtbot.waitSignal(face.bridge.noticed):
        core.notify(notice)
    assert host.notices == []
    face.window.hide()
    core.notify(notice)
    qtbot.waitUntil(lambda: host.notices == [notice])


def test_a_command_that_fails_while_the_window_is_away_is_a_notice(qtbot, face, core):
    host = FakeTray()
    face.tray = host
    face.window.hide()
    core.failures["attach"] = stage.failing("keyring.locked")
    face.remedies.apply(stage.READY, stage.problem("ssh.auth", address="x").remedies[0])
    qtbot.waitUntil(lambda: bool(host.notices))
    assert host.notices[0].urgent and host.notices[0].session == stage.READY


def test_a_click_on_a_notice_shows_its_session(face):
    face.window.sidebar.account_chosen.emit("acme")
    face.window.hide()
    face.tray.notice_clicked.emit(stage.READY)
    assert face.window.isVisible() and face.window.details.session == stage.READY


# -- what is said for a moment


@pytest.mark.parametrize("width", [640, 1160])
def test_a_long_sentence_is_wrapped_and_not_cut(qtbot, face, width):
    face.window.resize(width, 700)
    face.window.say("The ClearML server can't be reached: " + "it does not answer, and nobody knows why. " * 6)
    words, box = face.window._toast.text, face.window._toast
    assert face.window.rect().contains(box.geometry())
    assert words.height() >= words.heightForWidth(words.width()) and words.width() < box.width()
    assert face.window._toast.timer.interval() > 10_000, "it takes longer to read"
    face.window.resize(width + 200, 600)
    qtbot.waitUntil(lambda: face.window.rect().contains(box.geometry()))
    face.window.say("Short.")
    assert box.width() < 200 and face.window._toast.timer.interval() == 4000


def test_the_log_of_the_program_opens_at_its_end(face, core):
    core.log_tail.lines = lambda: tuple(f"line {number}" for number in range(500))
    face.window.app_log.emit()
    text = dialog("app-log").findChild(QPlainTextEdit)
    assert text.verticalScrollBar().value() == text.verticalScrollBar().maximum() > 0


# -- sizes


def test_every_window_fits_a_small_screen(qtbot, face):
    limit = SCALED_TWICE - LOGICAL_MARGIN
    for session in stage.EVERY_STATE:
        face.window.sidebar.select(session)
        need = face.window.minimumSizeHint()
        assert need.width() <= limit.width() and need.height() <= limit.height(), (session, need)
    face.accounts.open_wizard()
    need = face.accounts.wizard.minimumSizeHint()
    assert need.width() <= limit.width() and need.height() <= limit.height(), need


def test_windows_open_within_the_screen(face):
    """Screens are small where everything is scaled: 1366x768 at 150 % leaves 910x512."""
    room = face.window.screen().availableSize()
    assert room.width() < 1160, "else this screen shows nothing"
    assert face.window.width() <= room.width() and face.window.height() <= room.height()
    face.window.app_log.emit()
    assert dialog("app-log").width() <= room.width() - 40


@pytest.mark.parametrize("session", [stage.BLOCKED, stage.FAILED, stage.CONNECTED])
def test_nothing_is_wider_than_its_page_when_narrow(qtbot, face, session):
    face.window.sidebar.select(session)
    face.window.resize(SCALED_TWICE)
    qtbot.waitUntil(lambda: face.window.width() == SCALED_TWICE.width())
    page = face.window.details
    for widget in page.findChildren(QLabel) + page.findChildren(QPushButton):
        if widget.isVisible():
            right = widget.mapTo(page, widget.rect().topRight()).x()
            assert right < page.width(), f"{widget.accessibleIdentifier() or widget.text()[:40]} is cut off"


def test_the_layout_is_remembered(qapp, core, theme):
    first = faces(core, theme)
    face = next(first)
    face.window.resize(760, 560)
    face.window._splitter.setSizes([300, 460])
    list(first)  # closes
    second = faces(core, theme)
    again = next(second)
    assert again.window.size() == QSize(760, 560)
    assert abs(again.window._splitter.sizes()[0] - 300) < 20
    list(second)

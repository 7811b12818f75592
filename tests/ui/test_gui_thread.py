"""The guard that every test of the window runs under, and the window over the real files of a user."""

import threading
from pathlib import Path
from typing import Any

import pytest

from desktop_app import compose
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.paths import default_paths
from desktop_app.ui.look import icons
from tests.ui import gui_thread as guard
from tests.ui import stage
from tests.ui.conftest import faces

ACCOUNT = Account("acc1", "Ada on example", "http://127.0.0.1:9", "ACCESS", user_id="me", user_name="Ada")
SESSION = SessionId(ACCOUNT.id, "0" * 32)


def test_a_file_that_the_window_opens_is_noted(qapp, gui_thread, tmp_path: Path) -> None:
    """With the place that opened it; what the test itself does, another thread, and what is allowed are not."""
    (tmp_path / "file").write_text("text")
    opens = compile("import os\ndef work(path): open(path).close(), os.stat(path)", guard.UI + "somewhere.py", "exec")
    namespace: dict[str, object] = {}
    exec(opens, namespace)  # as if the window's code did it
    work = namespace["work"]
    assert callable(work)
    thread = threading.Thread(target=work, args=(tmp_path / "file",))
    thread.start()
    thread.join()
    (tmp_path / "file").read_text()
    icons.pictures.cache_clear()
    icons.app_icon()
    assert gui_thread.breaches == []
    work(tmp_path / "file")
    assert [breach.split()[0] for breach in gui_thread.breaches] == ["open", "os.stat"]
    assert "somewhere.py:2 work" in gui_thread.breaches[0]
    gui_thread.breaches.clear()


def test_the_world_in_memory_counts_as_what_it_stands_for(qapp, gui_thread) -> None:
    asks = compile("def work(core): core.accounts.reload(), core.profiles.names()", guard.UI + "somewhere.py", "exec")
    namespace: dict[str, Any] = {}
    exec(asks, namespace)
    core = stage.bare_core()
    core.accounts.reload()
    assert gui_thread.breaches == []
    namespace["work"](core)
    core.end()
    assert [breach.split()[0] for breach in gui_thread.breaches] == ["FakeAccounts.all"]
    gui_thread.breaches.clear()


@pytest.fixture
def real_core(private_home: Path):
    """A core over the files of a home that has an account and a session."""
    core = compose.build_core(default_paths(), secrets=FakeSecretStore())
    yield core
    core.close()


def test_the_window_shows_a_real_user_without_touching_files(qtbot, theme, real_core) -> None:
    """``gui_thread_guard`` fails it otherwise: refreshing, selecting, the account's menu, commands."""
    real_core.jobs.submit("add", lambda _cancel: _add(real_core), lambda _outcome: None)
    qtbot.waitUntil(lambda: bool(real_core.accounts.all()))
    for face in faces(real_core, theme):
        real_core.store.see(SESSION, stage.facts(Remote.READY, "mine"))
        qtbot.waitUntil(lambda face=face: face.window.model.row_of(SESSION) == 0)
        face.window.sidebar.select(SESSION)
        face.refresh()
        face.window.show_current()
        face.accounts.refresh()
        face.accounts.choose(ACCOUNT.id)
        qtbot.waitUntil(lambda face=face: not face.open_in.busy)
    assert real_core.accounts.all() == (ACCOUNT,)


def _add(core) -> None:
    core.accounts.change(lambda known: [*known, ACCOUNT])

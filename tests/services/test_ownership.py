"""One owner per session on this computer, across processes; a killed owner is noticed and replaced."""

import errno
import os
import resource
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from desktop_app import file_lock
from desktop_app.adapters.peers.local_socket import AT_ONCE, Answering, Question
from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.peers import WINDOW, Holder, owned_by
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.file_lock import lock
from desktop_app.services.connection import peers
from desktop_app.services.connection.peers import Peers
from tests.fakes.outside import ACCOUNT, World
from tests.support import owner_process
from tests.support.core_rig import CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

NAME = "acc1/" + "a" * 32


def nothing(_op: str, _name: str, _args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


@pytest.fixture
def folder(private_home: Path) -> Path:
    return private_home / "run-here"


@pytest.fixture
def mine(folder: Path) -> Iterator[Ownership]:
    with closing(Ownership(folder, WINDOW, nothing)) as made:
        yield made


def test_a_name_has_one_owner(mine: Ownership, folder: Path) -> None:
    assert mine.claim(NAME) and mine.claim(NAME)
    with closing(Ownership(folder, "cli", nothing)) as other:
        assert not other.claim(NAME, 0.05)
        holder = other.holder(NAME)
        assert holder is not None and (holder.pid, holder.role) == (os.getpid(), WINDOW)
        mine.release(NAME)
        assert other.holder(NAME) is None
        assert other.claim(NAME)


def test_a_name_is_not_held_by_a_process_that_could_not_say_who_it_is(mine: Ownership, folder: Path) -> None:
    assert mine.claim("another")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # a full disk takes no note
    try:
        with pytest.raises(AppError, match="large"):
            mine.claim(NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with closing(Ownership(folder, "cli", nothing)) as other:
        assert other.holder(NAME) is None and other.claim(NAME)


def test_nobody_holds_what_was_never_held(mine: Ownership) -> None:
    assert mine.holder("acc1/nothing") is None


def test_the_folder_and_its_files_are_private(mine: Ownership, folder: Path) -> None:
    mine.claim(NAME)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    readable = [path.name for path in folder.iterdir() if path.suffix != ".lock" and path.stat().st_mode & 0o077]
    assert [name for name in readable if not name.startswith("owner-")] == []  # a socket counts by its folder


def test_another_process_answers_questions(mine: Ownership, folder: Path) -> None:
    process = owner_process.start(folder, "cli", NAME)
    try:
        holder = mine.holder(NAME)
        assert holder is not None and holder.pid == process.pid
        assert mine.ask(holder, "status", NAME, {"odd": 'ü "x"\n'})["echo"] == {"odd": 'ü "x"\n'}
        with pytest.raises(AppError) as caught:
            mine.ask(holder, "login-page", NAME, {"app": "jupyterlab"})
        assert caught.value.problem.code == "open.not_ready"
        assert caught.value.problem.title == "JupyterLab is not ready yet"
    finally:
        owner_process.stop(process)


def test_a_killed_owner_is_noticed_and_replaced(mine: Ownership, folder: Path) -> None:
    process = owner_process.start(folder, "cli", NAME)
    assert not mine.claim(NAME, 0.05)
    holder = mine.holder(NAME)
    owner_process.stop(process)
    assert mine.holder(NAME) is None
    assert holder is not None
    with pytest.raises(AppError) as caught:
        mine.ask(holder, "status", NAME)
    assert caught.value.problem.code == "tunnel.owned"
    assert mine.claim(NAME)
    with closing(Ownership(folder, "cli", nothing)) as next_one:
        next_one.claim("something else")
        assert not list(folder.glob(f"owner-{process.pid}-*"))  # the socket that it left behind


def test_an_owner_that_is_frozen_keeps_nobody_waiting(folder: Path) -> None:
    process = owner_process.start(folder, "cli", NAME)
    try:
        process.send_signal(signal.SIGSTOP)
        with closing(Ownership(folder, WINDOW, nothing, answer_s=0.3)) as mine:
            holder = mine.holder(NAME)
            assert holder is not None and holder.pid == process.pid
            with pytest.raises(AppError) as caught:
                mine.ask(holder, "status", NAME)
            assert caught.value.problem.code == "tunnel.owned"
    finally:
        owner_process.stop(process)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no connection without a handshake there")
def test_a_stranger_without_the_key_gets_no_answer(mine: Ownership, folder: Path) -> None:
    mine.claim(NAME)
    path = next(folder.glob("owner-*"))
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(5)
        stranger.connect(str(path))
        stranger.sendall(b"\x00\x00\x00\x10" + b"x" * 16)
        received = b""
        while part := stranger.recv(4096):
            received += part
    assert b"result" not in received
    with closing(Ownership(folder, "cli", nothing)) as other:  # and the owner still answers those who have it
        holder = other.holder(NAME)
        assert holder is not None and other.ask(holder, "status", NAME) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no connection without a handshake there")
@pytest.mark.parametrize("said", [b"", b"\x00\x00"], ids=["nothing", "half a message"])
def test_who_connects_and_stays_silent_keeps_nobody_out(tmp_path: Path, said: bytes) -> None:
    asked: list[bytes] = []

    def reply(question: bytes) -> bytes:
        asked.append(question)
        return b"heard"

    address = str(tmp_path / "s")
    with closing(Answering(address, b"key", reply, hear_s=0.3)), ExitStack() as stack:
        silent = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(AT_ONCE + 3)]
        for one in silent:
            one.connect(address)
            one.settimeout(10)
            one.sendall(said)
        assert Question(address, b"key", b"hello").ask(10) == b"heard"  # although all places were taken
        for one in silent:
            with suppress(ConnectionResetError):
                while one.recv(4096):  # the challenge, then the end
                    pass
    assert asked == [b"hello"]


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe needs no file of the process's table there")
def test_who_has_no_file_left_to_open_answers_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, expected_log: ExpectLog
) -> None:
    import resource  # there is none on Windows

    expected_log("no question of another process can be heard")
    address = str(tmp_path / "s")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closing(Answering(address, b"key", lambda _question: b"heard")), socket.socket(socket.AF_UNIX) as early:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            early.connect(address)
            wait_until(lambda: "Too many open files" in caplog.text, "the refusal", 5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert Question(address, b"key", b"hello").ask(10) == b"heard"


def test_a_question_to_a_frozen_owner_leaves_no_thread(tmp_path: Path) -> None:
    address = str(tmp_path / "s")
    with closing(socket.socket(socket.AF_UNIX)) as frozen:
        frozen.bind(address)
        frozen.listen(8)
        question = Question(address, b"key", b"hello")
        assert question.ask(0.1) is None  # the guard of threads sees to the rest
        assert question.cause


def test_a_folder_with_a_long_name_works_too(private_home: Path) -> None:
    long = private_home / ("x" * 90)
    with closing(Ownership(long, WINDOW, nothing)) as one, closing(Ownership(long, "cli", nothing)) as two:
        assert one.claim(NAME)
        holder = two.holder(NAME)
        assert holder is not None and two.ask(holder, "status", NAME) == {}


def test_a_look_of_a_third_process_makes_nobody_a_holder(mine: Ownership, folder: Path) -> None:
    """Looking takes the lock for a moment; two that look at once must not see each other as the owner."""
    process = owner_process.start(folder, "cli", NAME)
    owner_process.stop(process)  # its note stays behind
    look = lock(next(folder.glob("*.json")).with_suffix(".lock"), 5)
    seen: list[Holder | None] = []
    looker = threading.Thread(target=lambda: seen.append(mine.holder(NAME)))
    looker.start()
    looker.join(0.2)
    assert seen == []
    look.release()
    looker.join(5)
    assert seen == [None]


def test_an_owner_is_known_once_it_has_announced_itself(mine: Ownership, folder: Path) -> None:
    """The lock comes first, the note a moment later."""
    with closing(Ownership(folder, "cli", nothing)) as other:
        assert other.claim(NAME)
        note = next(path for path in folder.glob("*.json"))
        text = note.read_text()
        note.unlink()
        threading.Timer(0.2, lambda: note.write_text(text)).start()
        holder = mine.holder(NAME)
        assert holder is not None and holder.pid == os.getpid()


def test_an_owner_that_never_says_who_it_is_is_told_without_a_number(mine: Ownership, folder: Path) -> None:
    with closing(Ownership(folder, "cli", nothing)) as other:
        assert other.claim(NAME)
        next(path for path in folder.glob("*.json")).unlink()
        holder = mine.holder(NAME)
        assert holder == Holder(0)
        with pytest.raises(AppError) as caught:
            Peers(mine).ask(holder, "status", SessionId.parse(NAME))
        assert caught.value.problem.detail.startswith("Another process on this computer already holds")


def test_who_wants_a_name_while_the_program_ends_is_cancelled(folder: Path) -> None:
    """Not told that somebody else holds it: an attach that the end overtakes would blame a process that isn't there."""
    with closing(Ownership(folder, "cli", nothing)) as mine:
        assert mine.claim(NAME)
    with pytest.raises(Cancelled):
        Peers(mine).take(SessionId.parse(NAME))


# -- through the core


def test_a_window_takes_the_tunnel_over_from_a_command_line() -> None:
    with CoreRig(role="cli") as cli:
        session = cli.attached()
        with CoreRig(World(runtime_dir=cli.world.runtime_dir, servers=cli.world.servers)) as window:
            window.world.secrets.entries.update(cli.world.secrets.entries)
            held = window.until(session, lambda s: s.held_by != 0)
            assert held.held_by == os.getpid()
            window.core.connections.attach(session, Cancel(5))
            window.until(session, is_link(Link.UP))
            assert cli.get(session).link is Link.OFF
            cli.until(session, lambda s: s.held_by == os.getpid())


def test_a_command_line_asks_the_window_to_attach() -> None:
    with CoreRig() as window:
        assert window.core.connections.peers.claim_window()
        session = window.running()
        with CoreRig(World(runtime_dir=window.world.runtime_dir, servers=window.world.servers), "cli") as cli:
            cli.core.sessions.look(ACCOUNT.id, Cancel(5))
            cli.core.connections.attach(session, Cancel(5))
            window.until(session, is_link(Link.UP))
            assert cli.world.tunnels == []
            assert cli.get(session).held_by == os.getpid()
            assert cli.core.connections.status(session)["ports"]["ssh"] == 8022
            url = cli.core.entrances.login_page(session, "jupyterlab", Cancel(20))
            assert url == "http://127.0.0.1:1/page-1" and len(window.world.pages) == 1
            assert cli.core.open_in.ssh_command(session, Cancel(5)).startswith("ssh -p 8022")
            cli.core.connections.detach(session)
            assert window.get(session).link is Link.OFF


def test_a_command_line_does_not_take_a_tunnel_from_another() -> None:
    with CoreRig(role="cli") as first:
        session = first.attached()
        with CoreRig(World(runtime_dir=first.world.runtime_dir, servers=first.world.servers), "cli") as second:
            second.core.sessions.look(ACCOUNT.id, Cancel(5))
            second.world.secrets.entries.update(first.world.secrets.entries)
            with pytest.raises(AppError) as caught:
                second.core.connections.attach(session, Cancel(5))
            assert caught.value.problem.code == "tunnel.owned"
            assert str(os.getpid()) in caught.value.problem.detail
            assert first.get(session).link is Link.UP


def test_a_killed_owner_frees_the_session_for_the_window() -> None:
    with CoreRig() as rig:
        session = rig.running()
        process = owner_process.start(rig.world.runtime_dir, "cli", session.text)
        try:
            rig.until(session, lambda s: s.held_by == process.pid)
        finally:
            owner_process.stop(process)
        rig.until(session, lambda s: s.held_by == 0)
        rig.core.connections.attach(session, Cancel(5))
        rig.until(session, is_link(Link.UP))


def test_the_second_window_shows_the_first() -> None:
    shown: list[bool] = []
    with CoreRig(start=False) as first:
        assert first.core.connections.peers.claim_window()
        first.core.connections.requests.on_activate(lambda: shown.append(True))
        with CoreRig(World(runtime_dir=first.world.runtime_dir), start=False) as second:
            assert not second.core.connections.peers.claim_window()
    assert shown == [True]


def test_the_window_of_a_killed_process_can_be_opened_again() -> None:
    world = World()
    process = owner_process.start(world.runtime_dir, WINDOW, WINDOW)
    owner_process.stop(process)
    with CoreRig(world, start=False) as rig:
        assert rig.core.connections.peers.claim_window()


def test_detaching_what_nobody_holds_is_no_problem() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.core.connections.detach(session)
        rig.core.connections.detach(SessionId(ACCOUNT.id, "f" * 32))
        wait_until(lambda: rig.get(session).link is Link.OFF, "the session to be detached")


@pytest.mark.parametrize("ends", [True, False])
def test_a_holder_that_ends_before_it_answers_has_let_go(
    mine: Ownership, folder: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    monkeypatch.setattr(peers, "GONE_S", 0.2)
    session = SessionId.parse(NAME)
    with closing(Ownership(folder, "cli", nothing)) as other:
        assert other.claim(NAME)
        holder = mine.holder(NAME)
        assert holder is not None

        def unanswered(*_: object) -> dict[str, Any]:
            if ends:
                other.release(NAME)
            raise owned_by(1, "EOFError")

        monkeypatch.setattr(mine, "ask", unanswered)
        with nullcontext() if ends else pytest.raises(AppError):
            Peers(mine).detach(holder, session)


def test_a_folder_that_locks_nothing_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a home folder over NFS whose server has no lock service; and what else is wrong with the folder."""

    def fails(path: Path) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with closing(Ownership(folder, WINDOW, nothing)) as made:
        assert made.claim("another")
        monkeypatch.setattr(file_lock, "try_lock", fails)
        with pytest.raises(AppError, match="No locks available") as refused:
            made.claim(NAME)
        assert refused.value.problem.code == "file.unwritable"
    (folder / "authkey").unlink()
    (folder / "authkey").mkdir()
    with closing(Ownership(folder, WINDOW, nothing)) as made, pytest.raises(AppError, match="authkey"):
        made.claim(NAME)

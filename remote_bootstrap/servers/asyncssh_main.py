"""``asyncssh_main.py CONFIG``: an SSH server for one user, where sshd is missing or can't open terminals.

Run as a program by the asyncssh environment's Python, below the SSH service's thread; imports nothing of this package.
One asyncio loop; one handler per channel. What the pumps below do by hand, asyncssh's redirection does too, but it cut
long outputs short when the command ended.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import runpy
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any, Callable, Coroutine, Dict, List, Optional

import asyncssh  # type: ignore[import-not-found]  # only in the environment made for it

Work = Coroutine[Any, Any, None]

CHUNK = 65536
CLIENT_MAY_SET = re.compile(r"^(LANG|LANGUAGE|LC_.*|COLORTERM)$")
IGNORED_BY_SHELLS = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGPIPE")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MATCHES = runpy.run_path(str(Path(__file__).parent.parent / "machine" / "passwords.py"))["matches"]
GUESSES = 4  # passwords that are looked at at once, each taking 32 MB
GUESS_DELAY = 1.0  # seconds that a wrong password costs
MAX_GUESSES = 6  # per connection


class Server(asyncssh.SSHServer):  # type: ignore[misc]  # see the import
    """Admits one user, by the session's key or the password that was set, and allows every kind of forwarding."""

    def __init__(self, config: Dict[str, Any], guessing: asyncio.Semaphore) -> None:
        self._config = config
        self._guessing = guessing
        self._connection: Optional[asyncssh.SSHServerConnection] = None
        self._guesses = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == self._config["user"] and self._connection is not None:
            self._connection.set_authorized_keys(self._config["authorized_keys"])
        return True

    def password_auth_supported(self) -> bool:
        return bool(self._config["password_hash"])

    async def validate_password(self, username: str, password: str) -> bool:
        self._guesses += 1
        if self._guesses > MAX_GUESSES:
            raise asyncssh.PermissionDenied("too many wrong passwords")
        loop = asyncio.get_running_loop()
        async with self._guessing:
            right = await loop.run_in_executor(None, MATCHES, password, self._config["password_hash"])
            if right and username == self._config["user"]:
                return True
            await asyncio.sleep(GUESS_DELAY)
            return False

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return listen_host in LOOPBACK  # what sshd's GatewayPorts no makes sure of

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True

    def unix_server_requested(self, listen_path: str) -> bool:
        with contextlib.suppress(OSError):  # what sshd's StreamLocalBindUnlink does
            Path(listen_path).unlink()
        return True


class Sftp(asyncssh.SFTPServer):  # type: ignore[misc]  # see the import
    """File transfer; says that it ended well, or scp reports a failure."""

    def exit(self) -> None:
        self.channel.exit(0)

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        """Write all of it: asyncssh writes once, and calls it well when a disk that filled up took only a part."""
        file_obj.seek(offset)
        left = memoryview(data)
        while left:
            left = left[file_obj.write(left) :]
        return len(data)


class Login:
    """One shell or command, with or without a terminal."""

    def __init__(self, config: Dict[str, Any], process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self._config = config
        self._process = process
        self._child: Optional[asyncio.subprocess.Process] = None
        self._master = -1

    async def run(self) -> None:
        argv = self._argv()
        if not argv:
            self._process.exit(1)
            return
        code = 1
        try:
            terminal = self._process.get_terminal_type() is not None
            code = await (self._in_terminal(argv) if terminal else self._with_pipes(argv))
        finally:
            self._hang_up()
            if code < 0:
                self._process.exit_with_signal(signal.Signals(-code).name[3:])
            else:
                self._process.exit(code)

    def _argv(self) -> List[str]:
        if self._process.subsystem:
            return list(self._config["subsystems"].get(self._process.subsystem, []))
        return [self._config["shell"]]

    def _environment(self) -> Dict[str, str]:
        env = dict(os.environ)
        for name, value in (self._process.env or {}).items():
            if CLIENT_MAY_SET.match(name):
                env[name] = value
        if self._process.command is not None:
            env["SSH_ORIGINAL_COMMAND"] = self._process.command
        agent = self._process.channel.get_agent_path()
        if agent:
            env["SSH_AUTH_SOCK"] = agent
        client = self._process.get_extra_info("peername")
        server = self._process.get_extra_info("sockname")
        env["SSH_CONNECTION"] = "%s %s %s %s" % (client[0], client[1], server[0], server[1])
        return env

    async def _with_pipes(self, argv: List[str]) -> int:
        self._child = child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
            preexec_fn=_usual_signals,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        output = _both(_copy(child.stdout, self._process.stdout), _copy(child.stderr, self._process.stderr))
        return await self._carry(child, self._from_client(child.stdin, close=True), output)

    async def _in_terminal(self, argv: List[str]) -> int:
        self._master, terminal = os.openpty()
        self._resize()
        env = {**self._environment(), "TERM": self._process.get_terminal_type() or "xterm"}
        env["SSH_TTY"] = os.ttyname(terminal)
        self._child = child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=env,
            start_new_session=True,
            preexec_fn=_controlling_terminal,
        )
        os.close(terminal)
        reader, reading, writer = await _streams(self._master)
        code = await self._carry(child, self._from_client(writer, close=False), _copy(reader, self._process.stdout))
        reading.close()  # with both ends closed, the kernel hangs up whatever still uses the terminal
        writer.transport.abort()
        return code

    async def _carry(self, child: asyncio.subprocess.Process, to_child: Work, from_child: Work) -> int:
        """Carry both ways until the child has said everything or the client has left; return the child's exit code."""
        typing = asyncio.ensure_future(to_child)
        closing = asyncio.ensure_future(self._process.channel.wait_closed())
        output = asyncio.ensure_future(from_child)
        await asyncio.wait([output, closing], return_when=asyncio.FIRST_COMPLETED)
        if not output.done():
            self._hang_up()
            output.cancel()
        code = await child.wait()
        typing.cancel()
        closing.cancel()
        return code

    async def _from_client(self, writer: asyncio.StreamWriter, close: bool) -> None:
        """Pass on what the client sends: bytes, signals, breaks and new terminal sizes."""
        while True:
            try:
                data = await self._process.stdin.read(CHUNK)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            except asyncssh.TerminalSizeChanged:
                self._resize()
            except asyncssh.SignalReceived as received:
                self._signal(getattr(signal, "SIG" + received.signal, signal.SIGTERM))
            except asyncssh.BreakReceived:
                self._signal(signal.SIGINT)
            except (OSError, asyncssh.Error):
                break  # the child or the client has gone
        if close:  # the end of input is no reason to hang a terminal up
            writer.close()

    def _resize(self) -> None:
        columns, rows, width, height = self._process.term_size
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))

    def _signal(self, number: int) -> None:
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def _hang_up(self) -> None:
        self._signal(signal.SIGHUP)


def _usual_signals() -> None:
    for name in IGNORED_BY_SHELLS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def _controlling_terminal() -> None:
    _usual_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _both(*pumps: Any) -> None:
    await asyncio.gather(*pumps)


async def _copy(reader: asyncio.StreamReader, writer: Any) -> None:
    while True:
        try:
            data = await reader.read(CHUNK)
        except OSError:
            return  # EIO: the last program left the terminal
        if not data:
            return
        try:
            writer.write(data)
            await writer.drain()
        except (OSError, asyncssh.Error):
            return  # the client has gone


async def _streams(master: int) -> "tuple[asyncio.StreamReader, asyncio.BaseTransport, asyncio.StreamWriter]":
    loop = asyncio.get_event_loop()
    reader = asyncio.StreamReader()
    end = os.fdopen(os.dup(master), "rb", 0)
    reading, _protocol = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), end)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(master, "wb", 0))
    return reader, reading, asyncio.StreamWriter(transport, protocol, None, loop)


async def serve(config: Dict[str, Any]) -> None:
    def login(process: "asyncssh.SSHServerProcess[bytes]") -> Any:
        return Login(config, process).run()

    guessing = asyncio.Semaphore(GUESSES)  # here: Python 3.8 ties it to the loop that runs
    server: Callable[[], Server] = lambda: Server(config, guessing)  # noqa: E731
    listener = await asyncssh.create_server(
        server,
        config["host"],
        config["port"],
        server_host_keys=[config["host_key"]],
        process_factory=login,
        sftp_factory=Sftp,
        allow_scp=True,
        encoding=None,
        line_editor=False,
        password_auth=bool(config["password_hash"]),
        kbdint_auth=False,
        keepalive_interval=30,
        keepalive_count_max=20,
        agent_forwarding=True,
        reuse_address=True,
    )
    await listener.wait_closed()


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    os.chdir(config["folder"])
    asyncio.run(serve(config))


if __name__ == "__main__":
    main()

"""LoginServer: an SSH server of ours on the machine of a session that clearml-session started.

Such a session lets in by password only, which ssh, editors and scripts can't be given. So we start the machine's own
sshd once more over the connection that stands: on the machine's loopback, from a folder that only its user can read,
with a host key and a client key that live in this program's memory. Nothing of the account or of the machine's
configuration changes. The shell that started it waits for the end of the connection, then ends the server and removes
the folder. Blocking; the caller's thread.
"""

import random

from paramiko import Channel

from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import TICK_SECONDS, WIRE_ERRORS, Deadline, describe
from desktop_app.boundary.connection import LoginDoor, LoginKeys
from desktop_app.domain.problems import failure

MARK = "SESSIONDOCK-LOGIN"
START_SECONDS = 15.0
PORTS = range(20000, 60000)
TRIES = 8  # ports, should another program be faster
OUTPUT_LIMIT = 64 * 1024  # what dotfiles may print before the answer

# POSIX sh. Read from standard input, so that no key is in an argument list; in a function, so that it is read whole.
# UsePAM no: a second server needs no second set of sessions and limits. The password keeps working, as for their own.
SCRIPT = r"""
fail() { printf '\n%s failed %s\n' "$mark" "$1"; exit 1; }
# Which processes the numbers in /proc mean; nothing where it is not there or shows those of another namespace.
look() {
    place=
    { read -r self rest </proc/self/stat; } 2>/dev/null && [ "$self" = $$ ] || return
    boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) && [ -n "$boot" ] || return
    space=$(readlink /proc/self/ns/pid 2>/dev/null) && [ -n "$space" ] && place="$boot $space"
}
# Whether its shell was killed, for certain: whoever shares this folder but not our processes may well live.
dead() {
    [ -n "$place" ] && [ -O "$1" ] && [ ! -L "$1" ] && [ "$(cat "$1/place" 2>/dev/null)" = "$place" ] &&
        [ -s "$1/shell" ] && [ -z "$(words "$(cat "$1/shell")")" ]
}
words() { [ -z "$1" ] || tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline"; }
serve() {
    umask 077
    sshd=
    for one in "$(command -v sshd)" /usr/sbin/sshd /usr/local/sbin/sshd /sbin/sshd /usr/lib/ssh/sshd; do
        if [ -x "$one" ]; then sshd=$one; break; fi
    done
    [ -n "$sshd" ] || fail 'There is no sshd program on its machine.'
    look
    for old in "${TMPDIR:-/tmp}"/sessiondock-login.*; do
        dead "$old" || continue
        left=$(cat "$old/server" 2>/dev/null)
        case "$(words "$left")" in *"$old/config"*) kill "$left" ;; esac
        rm -rf "$old"
    done
    folder=$(mktemp -d "${TMPDIR:-/tmp}/sessiondock-login.XXXXXX") || fail 'It has no folder for temporary files.'
    trap 'kill $server 2>/dev/null; rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    echo $$ >"$folder/shell"
    printf '%s\n' "$place" >"$folder/place"  # the last one: with it, the other is whole
    printf '%s\n' "$client" >"$folder/authorized_keys"
    printf '%s' "$host" >"$folder/host_key"
    cat >"$folder/config" <<END
HostKey "$folder/host_key"
AuthorizedKeysFile "$folder/authorized_keys"
PidFile none
StrictModes no
AllowUsers $(id -un)
PermitRootLogin yes
PubkeyAuthentication yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
X11Forwarding no
AllowTcpForwarding yes
AllowAgentForwarding yes
AllowStreamLocalForwarding yes
GatewayPorts no
UseDNS no
ClientAliveInterval 30
ClientAliveCountMax 20
MaxSessions 200
MaxStartups 100:30:300
AcceptEnv LANG LANGUAGE LC_* COLORTERM
Subsystem sftp internal-sftp
END
    if "$sshd" -t -f "$folder/config" -o 'PerSourcePenalties no' >/dev/null 2>&1; then
        echo 'PerSourcePenalties no' >>"$folder/config"
    fi
    for port in $ports; do
        "$sshd" -D -e -f "$folder/config" -o "ListenAddress 127.0.0.1:$port" </dev/null >"$folder/log" 2>&1 &
        server=$!
        echo $server >"$folder/server"
        left=50
        while [ $left -gt 0 ] && kill -0 $server 2>/dev/null; do
            if grep -q 'Server listening' "$folder/log"; then
                printf '\n%s port %s %s\n' "$mark" "$port" "$HOME"
                cat >/dev/null
                exit 0
            fi
            sleep 0.1
            left=$((left - 1))
        done
        kill $server 2>/dev/null
    done
    fail "Its sshd does not start: $(tail -n 1 "$folder/log" | tr -cd '[:print:]' | cut -c -200)"
}
serve
"""


class LoginServer:
    """One, on one transport; ends with it, or with ``close``."""

    def __init__(self, transport: SessionTransport, address: str) -> None:
        self._transport = transport
        self._address = address
        self._channel: Channel | None = None

    def start(self, keys: LoginKeys, deadline: Deadline) -> LoginDoor:
        """Start the server; return where it listens on the machine. Problems: session.no_login, ssh.lost. Raises
        Cancelled."""
        try:
            return self._start(keys, deadline)
        except BaseException:  # with the channel, what was begun on the machine ends too
            self.close()
            raise

    def _start(self, keys: LoginKeys, deadline: Deadline) -> LoginDoor:
        try:
            self._channel = self._transport.open_channel("session", timeout=max(0.1, deadline.remaining))
            self._channel.set_combine_stderr(True)
            self._channel.exec_command("sh -s")
            self._channel.sendall(login_script(keys).encode())
            said = self._answer(self._channel, deadline)
        except WIRE_ERRORS as error:
            deadline.check()
            raise failure("ssh.lost", address=self._address, cause=describe(error)) from None
        kind, _, rest = said.partition(" ")
        port, _, home = rest.partition(" ")
        if kind == "port" and port.isdecimal() and 0 < int(port) < 65536:
            return LoginDoor(int(port), home if home.startswith("/") else "/")
        why = rest if kind == "failed" else "Its shell gave no answer in time."
        raise failure("session.no_login", why=why)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _answer(self, channel: Channel, deadline: Deadline) -> str:
        """Return what follows the mark, "" when it does not come."""
        channel.settimeout(TICK_SECONDS)
        heard = bytearray()
        while deadline.remaining and len(heard) < OUTPUT_LIMIT:
            deadline.check()
            try:
                piece = channel.recv(4096)
            except TimeoutError:
                continue
            if not piece:
                break
            heard += piece
            _, found, rest = bytes(heard).partition(f"\n{MARK} ".encode())
            line, ended, _ = rest.partition(b"\n")
            if found and ended:
                return line.decode("utf-8", "replace").strip()
        return ""


def login_script(keys: LoginKeys) -> str:
    """Return the script with these values, which stand in single quotes: keys and numbers hold none."""
    values = {
        "mark": MARK,
        "client": " ".join(keys.client_public.split()[:2]),
        "host": keys.host_private.strip() + "\n",
        "ports": " ".join(str(port) for port in random.sample(PORTS, TRIES)),
    }
    return "".join(f"{name}='{value.replace(chr(39), '')}'\n" for name, value in values.items()) + SCRIPT

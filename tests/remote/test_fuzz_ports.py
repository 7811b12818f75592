"""The bootstrap's side of the list of ports, at random: the kernel's tables, and command lines that hold secrets."""

import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st

from remote_bootstrap.machine import shown_command
from remote_bootstrap.machine.listening import open_sockets
from tests.support.fuzzing import thorough

SECRETS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=12, max_size=40).map(lambda text: "Zq7" + text)
HARMLESS = st.sampled_from(
    ["python3", "-m", "tensorboard.main", "--logdir", "/data/run", "run", "serve", "-p", "--token", "--port", "8000",
     "app.py", "-W", "ignore", "--", "-", "bash", "node", "--password=", "env", "sudo", "-u", "root"]
)  # fmt: skip
SHAPES = st.sampled_from(
    ["{}", "--token={}", "-p{}", "--password={}", "TOKEN={}", "https://user:{}@host/", "user:{}", "--header=X {}",
     "--api-key:{}", "x {} y", "{}.db", "/run/secrets?{}", "--{}", "-{}", "@{}", "'{}'"]
)  # fmt: skip


@thorough
@given(st.lists(HARMLESS, max_size=6), SECRETS, SHAPES, st.lists(HARMLESS, max_size=6))
def test_no_secret_argument_is_ever_shown(before: list[str], secret: str, shape: str, after: list[str]) -> None:
    """Wherever it stands, but for the places that name the program, its module and its script."""
    words = ["server", *before, shape.format(secret), *after]
    assert secret not in shown_command.shown(words)


@thorough
@given(SECRETS, SHAPES, st.lists(HARMLESS, max_size=6))
def test_no_secret_after_a_script_or_a_module_is_shown(secret: str, shape: str, after: list[str]) -> None:
    for head in (["python3", "app.py"], ["python3", "-m", "server"], ["python3", "-c"], ["bash", "-c"]):
        assert secret not in shown_command.shown([*head, shape.format(secret), *after])


@thorough
@given(st.lists(st.text(max_size=50), max_size=30))
def test_what_is_shown_is_one_short_line(words: list[str]) -> None:
    said = shown_command.shown(words)
    assert len(said) <= shown_command.MAX_LENGTH
    assert said.isprintable()


@thorough
@given(st.lists(st.text(max_size=160), max_size=20))
def test_a_table_of_nonsense_has_no_sockets_that_make_no_sense(lines: list[str]) -> None:
    for address, port in open_sockets(lines).values():
        ipaddress.ip_address(address)
        assert port >= 0


@thorough
@given(st.ip_addresses(), st.integers(1, 65535), st.integers(1, 1 << 40))
def test_the_kernels_own_form_is_read(address, port: int, inode: int) -> None:
    raw = address.packed
    words = struct.unpack(f">{len(raw) // 4}I", raw)
    kernel = struct.pack(f"={len(words)}I", *words).hex().upper()
    line = (
        f"   0: {kernel}:{port:04X} {'0' * len(kernel)}:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 {inode}"
    )
    ((found, number),) = open_sockets([line]).values()
    assert ipaddress.ip_address(found) == address
    assert number == port

"""Nothing secret reaches the app's own log, whatever call site forgets about it."""

import io
import logging
from collections.abc import Iterator

import pytest

from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.services.secrets.redaction import MARK, LogTail, Redactor, guard
from desktop_app.services.secrets.registered import RegisteredSecrets

END = "-----END OPENSSH PRIVATE KEY-----"
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nAAtzc2gtZWQyNTUxOQ\n{END}"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, Redactor, LogTail]]:
    redactor, tail = Redactor(), LogTail(lines=50)
    guard([tail], redactor)
    logger = logging.getLogger("test-redaction")
    logger.addHandler(tail)
    yield logger, redactor, tail
    logger.removeHandler(tail)


@pytest.mark.parity("S4")
def test_registered_secrets_are_blacked_out_wherever_they_turn_up(
    log: tuple[logging.Logger, Redactor, LogTail],
) -> None:
    logger, redactor, tail = log
    redactor.register("s3cret-value")
    logger.warning("plain s3cret-value, %s and %r", "argument s3cret-value", {"key": "s3cret-value"})
    assert "s3cret" not in "".join(tail.lines())
    assert "".join(tail.lines()).count(MARK) == 3


def test_tracebacks_are_cleaned_too(log: tuple[logging.Logger, Redactor, LogTail]) -> None:
    logger, redactor, tail = log
    redactor.register("s3cret-value")
    try:
        raise ValueError("could not use s3cret-value")
    except ValueError:
        logger.exception("it failed")
    text = "\n".join(tail.lines())
    assert "ValueError" in text and "s3cret" not in text


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.removesuffix(END),
        "Authorization: Bearer abcdefgh12345678",
        "Authorization: Basic QUNDRVNTOnNlY3JldA==",
        "token eyJhbGciOiJIUzI1NiJ9.eyJpZGVudGl0eSI6MX0.c2lnbmF0dXJl",
        "http://127.0.0.1:8878/lab?token=0123456789abcdef",
        "https://ada:hunter2secret@git.example/repo",
        "password=hunter2secret",
        '{"secret": "hunter2secret"}',
    ],
)
def test_what_looks_like_a_secret_is_blacked_out(text: str) -> None:
    cleaned = Redactor().clean(text)
    assert MARK in cleaned
    for part in ("b3BlbnNzaC1r", "abcdefgh", "QUNDRVNTO", "eyJpZGVudG", "0123456789abcdef", "hunter2"):
        assert part not in cleaned


def test_ordinary_words_stay() -> None:
    redactor = Redactor()
    redactor.register("")
    redactor.register("lab")
    text = "session “lab” is ready at http://127.0.0.1:8878/lab"
    assert redactor.clean(text) == text


def test_each_line_of_a_registered_key_is_known() -> None:
    redactor = Redactor()
    redactor.register(KEY)
    assert "AAtzc2gtZWQyNTUxOQ" not in redactor.clean("a fragment: AAtzc2gtZWQyNTUxOQ")


def test_the_secret_store_registers_what_passes_through() -> None:
    redactor, inner = Redactor(), FakeSecretStore()
    inner.entries["api-secret/acc1"] = "stored-secret"
    store = RegisteredSecrets(inner, redactor)
    store.get(API_SECRET, "acc1")
    store.set(API_SECRET, "acc2", "fresh-secret")
    assert redactor.clean("stored-secret fresh-secret") == f"{MARK} {MARK}"


@pytest.mark.parity("--verbose", "S4")
def test_a_stream_handler_behind_the_guard_is_clean_as_well() -> None:
    stream, redactor = io.StringIO(), Redactor()
    handler = logging.StreamHandler(stream)
    guard([handler], redactor)
    redactor.register("s3cret-value")
    logger = logging.getLogger("test-redaction-stream")
    logger.addHandler(handler)
    logger.error("s3cret-value")
    logger.removeHandler(handler)
    assert stream.getvalue().strip() == MARK

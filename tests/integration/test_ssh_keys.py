"""Which connection records are believed, held against signatures that the real ssh-keygen makes."""

import base64
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.ssh.keys import (
    new_key,
    public_line,
    published_by_clearml_session,
    verify_record,
)
from desktop_app.domain.problems import AppError, Remedy, Retry
from desktop_app.domain.sessions.clearml_session import PUBLISHED_KEYS
from remote_bootstrap.contract import Record, fingerprint
from tests.support.ssh_server import TASK, make_key, sign


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "host")
    return tmp_path / "host"


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def signed(key: Path, hash_name: str = "sha512", **changes: Any) -> Record:
    record = Record(TASK, "gpu-box.example", 10022, "root", public(key), 3)
    return replace(record, signature=sign(record, key, hash_name=hash_name), **changes)


def why_not(record: Record, first_seen: str | None = None, logged: str | None = "") -> AppError:
    if logged == "":
        logged = fingerprint(record.host_key)
    with pytest.raises(AppError) as caught:
        verify_record(record, TASK, first_seen, logged)
    assert caught.value.problem.code == "ssh.record"
    return caught.value


@pytest.mark.parametrize("hash_name", ["sha512", "sha256"])
def test_a_record_signed_with_its_own_host_key_is_believed(key: Path, hash_name: str) -> None:
    record = signed(key, hash_name)
    verify_record(Record.loads(record.dumps()), TASK, None, fingerprint(public(key)))
    verify_record(record, TASK, public(key) + " a comment", fingerprint(public(key)))


@pytest.mark.parametrize(
    "change", [{"address": "evil.example"}, {"port": 10023}, {"user": "guest"}, {"sequence": 4}], ids=str
)
def test_a_changed_record_is_not_believed(key: Path, change: dict[str, Any]) -> None:
    problem = why_not(signed(key, **change)).problem
    assert "changed after it was signed" in problem.detail
    assert problem.retry is Retry.USER
    assert Remedy.SHUT_DOWN in problem.remedies


def test_a_new_address_signed_by_the_same_key_is_believed(key: Path) -> None:
    moved = replace(signed(key), address="10.0.0.9", sequence=4)
    moved = replace(moved, signature=sign(moved, key))
    verify_record(moved, TASK, public(key), fingerprint(public(key)))


def test_another_key_for_record_and_signature_is_caught_by_the_first_sighting(key: Path, tmp_path: Path) -> None:
    first = make_key(tmp_path / "first")
    assert "saw first" in why_not(signed(key), first_seen=first).problem.detail


def test_another_key_for_record_and_signature_is_caught_by_the_log(key: Path) -> None:
    assert "announces the host key SHA256:elsewhere" in why_not(signed(key), logged="SHA256:elsewhere").problem.detail


def test_a_signature_by_another_key_is_caught(key: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    record = signed(key)
    record = replace(record, signature=sign(record, tmp_path / "other"))
    assert "another key than the host key" in why_not(record).problem.detail


def test_a_signature_for_another_purpose_is_caught(key: Path) -> None:
    record = signed(key)
    record = replace(record, signature=sign(record, key, namespace="git"))
    assert "another purpose" in why_not(record).problem.detail


def test_a_record_of_another_task_is_caught(key: Path) -> None:
    record = replace(signed(key), task="f" * 32)
    assert "another task" in why_not(replace(record, signature=sign(record, key))).problem.detail


def test_while_the_log_is_silent_time_may_heal_it(key: Path) -> None:
    problem = why_not(signed(key), logged=None).problem
    assert problem.retry is Retry.AUTO
    assert problem.remedies == ()
    assert "edited" not in problem.detail


def test_a_bad_signature_is_told_even_while_the_log_is_silent(key: Path) -> None:
    assert why_not(signed(key, port=1), logged=None).problem.retry is Retry.USER


def damaged_signatures(record: Record) -> list[str]:
    lines = record.signature.strip().splitlines()
    blob = base64.b64decode("".join(lines[1:-1]))

    def armor(data: bytes) -> str:
        return "\n".join([lines[0], base64.b64encode(data).decode(), lines[-1]])

    cut = [armor(blob[:size]) for size in range(0, len(blob), 7)]
    flipped = [armor(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]) for at in range(len(blob))]
    return ["", "x", lines[0], "\n".join([lines[0], "häß", lines[-1]]), armor(blob + b"\0"), *cut, *flipped]


def test_every_damage_is_a_problem_and_never_a_crash(key: Path) -> None:
    record = signed(key)
    for signature in damaged_signatures(record):
        assert "signature is not valid" in why_not(replace(record, signature=signature)).problem.detail


@pytest.mark.parametrize(
    "host_key", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAAB3NzaC1yc2E=", "ssh-ed25519 ü"]
)
def test_a_host_key_of_another_kind_is_not_believed(key: Path, host_key: str) -> None:
    why_not(replace(signed(key), host_key=host_key), logged=None)


def test_a_record_signed_by_rsa_is_not_believed(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "rsa")], check=True)
    assert "not an Ed25519 key" in why_not(signed(tmp_path / "rsa")).problem.detail


def test_a_new_key_is_one_that_openssh_reads(tmp_path: Path) -> None:
    private, line = new_key("SessionDock\nof me")
    assert line.endswith(" SessionDock of me")
    assert "\n" not in line
    path = tmp_path / "key"
    path.write_text(private)
    path.chmod(0o600)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True).stdout
    assert derived.split()[:2] == line.split()[:2] == public_line(private).split()
    assert new_key("x")[0] != private
    assert len(private) < 500  # fits a Windows credential


def test_a_private_key_is_never_in_the_problem_that_it_causes() -> None:
    private, _ = new_key("x")
    for damaged in (private[:200], private.replace("OPENSSH", "RSA"), "", "\ud800"):
        with pytest.raises(AppError) as caught:
            public_line(damaged)
        assert caught.value.problem.code == "ssh.no_key"
        assert private.splitlines()[1][:16] not in repr(caught.value.problem)


@pytest.mark.parity("S1")
def test_clearml_sessions_published_host_keys_are_recognised(key: Path) -> None:
    assert not published_by_clearml_session(public(key))
    assert not published_by_clearml_session("nonsense")
    assert all(len(one) == len(fingerprint(public(key))) for one in PUBLISHED_KEYS)

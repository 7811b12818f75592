"""``--self-test`` says yes where all is well and names exactly what is missing where it is not."""

import json
import sys
from collections.abc import Iterator

import pytest

from desktop_app import self_test
from desktop_app.domain.problems import failure
from tests.support.desktop_rig import Keyring, Rig, RigOptions

RUN = [sys.executable, "-c", "import sys; from desktop_app.self_test import main; sys.exit(main(['--json']))"]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig(RigOptions(tray=False)) as rig:
        yield rig


def test_everything_is_here(rig: Rig) -> None:
    result = rig.run(RUN)
    answer = json.loads(result.stdout)
    assert result.returncode == 0, answer
    assert answer["ok"] is True
    assert all(check["ok"] for check in answer["checks"].values())


@pytest.mark.parametrize("keyring", [Keyring.ABSENT, Keyring.LOCKED])
def test_a_keyring_that_refuses_is_the_only_failure(rig: Rig, keyring: Keyring) -> None:
    rig.set_keyring(keyring)
    result = rig.run(RUN)
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["ok"]) == (1, False)
    assert [name for name, check in answer["checks"].items() if not check["ok"]] == ["keyring"]
    assert answer["checks"]["keyring"]["detail"]


def test_one_failure_keeps_no_other_check_from_running() -> None:
    def broken() -> str:
        raise RuntimeError("the icon is gone")

    def refused() -> str:
        raise failure("account.no_secret", server="http://127.0.0.1:1")

    findings = self_test.run({"a": broken, "b": refused, "c": lambda: "fine"})
    assert [finding.ok for finding in findings.values()] == [False, False, True]
    assert "the icon is gone" in findings["a"].detail
    assert findings["b"].detail.startswith("AppError")

"""The guards fail the tests that they are there to fail: each case is a small test file run by a pytest of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

PREAMBLE = "import logging, os, threading, pathlib, pytest\nlog = logging.getLogger('desktop_app.some.part')\n"
HOLD = "gate = threading.Event()\n"

BAD = {
    "unexpected log records": "def test_a():\n    log.warning('disk is %s', 'full')\n",
    "WARNING desktop_app.some.part: disk is full": "def test_a():\n    log.warning('disk is %s', 'full')\n",
    "never came": "def test_a(expected_log):\n    expected_log('disk is full')\n",
    "left running: poller": "def test_a():\n    threading.Thread(target=gate.wait, args=(4,), name='poller').start()\n",
    "left running: keyring": (
        "def test_a():\n    threading.Thread(target=gate.wait, args=(8,), name='keyring', daemon=True).start()\n"
    ),
}
GOOD = {
    "announced": "def test_a(expected_log):\n    expected_log('disk is .*')\n    log.error('disk is full')\n",
    "info": "def test_a():\n    log.info('all is well')\n",
    "foreign logger": "def test_a():\n    logging.getLogger('paramiko').warning('no')\n",
    "thread that ends": "def test_a():\n    threading.Thread(target=gate.wait, args=(0.2,), name='poller').start()\n",
    "allowed thread": (
        "@pytest.mark.leaves_threads('keyring')\n"
        "def test_a():\n    threading.Thread(target=gate.wait, args=(8,), name='keyring', daemon=True).start()\n"
    ),
    "no traces of the test before": (
        "def test_a():\n    (pathlib.Path.home() / 'x').touch()\n"
        "def test_b():\n    assert not (pathlib.Path.home() / 'x').exists()\n"
    ),
    "home": (
        "def test_a():\n    assert pathlib.Path.home().name.startswith('sd-')\n"
        "    assert 'CLEARML_API_HOST' not in os.environ\n"
    ),
}


def run(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    monkeypatch.setenv("CLEARML_API_HOST", "http://127.0.0.1:1")
    (folder / "test_case.py").write_text(PREAMBLE + HOLD + text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    leaves_threads: allowed\n")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.guards", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("complaint", BAD)
def test_guard_fails(complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, BAD[complaint], monkeypatch)
    assert complaint in result.stdout
    assert result.returncode == 1


@pytest.mark.parametrize("case", GOOD)
def test_guard_accepts(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, GOOD[case], monkeypatch)
    assert result.returncode == 0, result.stdout

"""``make parity``: runs the tests that docs/parity.md names, and no others. The last line says how many passed.

As with ``make test``, what failed runs a second time, alone, and counts by that: a busy machine is no missing feature.
"""

import subprocess
import sys

import pytest

AGAIN = ("--last-failed", "--last-failed-no-failures", "none")


class Count:
    """A plugin that counts outcomes; a test that errs in its set-up or its end counts as failed."""

    def __init__(self) -> None:
        self.called: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.called.add(report.nodeid)


def main(arguments: list[str]) -> int:
    count = Count()
    code = pytest.main(["-m", "parity", *(arguments or ["-q"])], plugins=[count])
    passed, failed = len(count.called - count.failed), len(count.failed) or int(code != pytest.ExitCode.OK)
    sys.stdout.flush()
    sys.stderr.flush()
    if count.failed and code == pytest.ExitCode.TESTS_FAILED and AGAIN[0] not in arguments:
        print("Some tests failed. Once more, those alone: what passes now depends on the machine's load.", flush=True)
        command = [sys.executable, "-m", __spec__.parent, *(arguments or ["-q"]), *AGAIN]
        if subprocess.run(command, check=False).returncode == 0:
            passed, failed = passed + failed, 0
    print(f"{passed} passed, {failed} failed", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

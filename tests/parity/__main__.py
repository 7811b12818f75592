"""``make parity``: runs the tests that docs/parity.md names, and no others. The last line says how many passed."""

import sys

import pytest


class Count:
    """A plugin that counts outcomes; a test that errs in its set-up or its end counts as failed."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed += 1
        elif report.when == "call" and report.passed:
            self.passed += 1


def main(arguments: list[str]) -> int:
    count = Count()
    code = pytest.main(["-m", "parity", *(arguments or ["-q"])], plugins=[count])
    failed = count.failed or int(code != pytest.ExitCode.OK)
    sys.stdout.flush()
    sys.stderr.flush()
    print(f"{count.passed} passed, {failed} failed", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

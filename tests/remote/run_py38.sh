#!/usr/bin/env bash
# Runs the bootstrap on Python 3.8, the oldest that a task may have: its pure parts in a pytest of that Python, then whole
# sessions (SSH, JupyterLab, code-server) whose task's Python it is. Says so where no Python 3.8 is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

works() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 8))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in "${PYTHON38:-}" "$(command -v python3.8 || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8*/bin/python3.8 \
        "$(.venv/bin/uv python find --no-python-downloads 3.8 2>/dev/null || true)"; do
        if [ -n "$candidate" ] && works "$candidate"; then echo "$candidate"; return; fi
    done
}

python="$(find_python)"
if [ -z "$python" ]; then
    echo "NOT RUN: no Python 3.8 here (looked on PATH, in pyenv and uv; set PYTHON38 to name one)."
    exit 0
fi
echo "Python 3.8: $python"

venv="${XDG_CACHE_HOME:-$HOME/.cache}/sessiondock-tests/python3.8"
if ! works "$venv/bin/python" || ! "$venv/bin/python" -c 'import pytest' 2>/dev/null; then
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet 'pytest==8.3.*'
fi
"$venv/bin/python" -m pytest -c tests/remote/py38.ini --rootdir . --confcutdir tests/remote -p no:cacheprovider \
    -q tests/remote/test_units.py tests/remote/test_reach.py tests/remote/test_report.py tests/remote/test_watcher.py \
    tests/remote/test_router.py tests/remote/test_vsix.py tests/remote/test_kept.py
SESSIONDOCK_TEST_PYTHON="$venv/bin/python" .venv/bin/python -m pytest -q \
    tests/remote/test_applications.py tests/remote/test_session_end.py tests/remote/test_ssh_servers.py \
    tests/remote/test_session_environment.py tests/remote/test_git_in_session.py tests/remote/test_ssh_access.py

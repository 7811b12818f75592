#!/usr/bin/env bash
# Makes or refreshes the checkout's .venv: the project itself (editable) with its extras sandbox and dev.
# The Makefile calls it only when pyproject.toml is newer than .venv/.installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    {
        echo "SessionDock needs Python 3.11 or newer; ${PYTHON:-python3} is $(${PYTHON:-python3} --version 2>&1 || true)."
        echo "Install a newer one and name it: make PYTHON=/path/to/python3.12 setup"
    } >&2
    exit 1
}

if ! { [ -x .venv/bin/python ] && new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --disable-pip-version-check --quiet -e '.[sandbox,dev]'
touch .venv/.installed

#!/usr/bin/env bash
# Installs the clearml-session command line that the contract tests and the launch bench measure us against, in a virtual
# environment of its own: it wants other versions of our dependencies. tests/support/paths.py names the same place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=$(.venv/bin/python -m tests.support.paths clearml-session)
requirement=$(.venv/bin/python -m tests.support.paths clearml-session-requirement)
[ ! -e "$venv/.installed" ] || exit 0
echo "Installing $requirement for the contract tests and the bench"
.venv/bin/python -m venv --clear "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet "$requirement"
touch "$venv/.installed"

#!/usr/bin/env bash
# Installs what sessions on this machine run (JupyterLab, code-server), with the installer that the sessions themselves use
# and into the cache that they look in, so that the first launch installs nothing. Once per machine; some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export SESSIONDOCK_CACHE="${SESSIONDOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sessiondock/remote}"
exec .venv/bin/python -m remote_bootstrap install all

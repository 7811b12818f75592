"""SSH: the way in. Data first (the desktop reads it), work below (the remote runs it)."""

from remote_bootstrap.apps.spec import AppSpec

SPEC = AppSpec(key="ssh", label="SSH", icon="app-terminal", local_port=8022, opens="terminal")

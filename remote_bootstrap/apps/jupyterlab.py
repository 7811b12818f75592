"""JupyterLab: data first (the desktop reads it), work below (the remote runs it)."""

from remote_bootstrap.apps.spec import AppSpec, Login

SPEC = AppSpec(
    key="jupyterlab",
    label="JupyterLab",
    icon="app-jupyterlab",
    local_port=8878,
    opens="browser",
    login=Login("get", "/lab", {"token": "{secret}"}),
)

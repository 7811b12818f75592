"""VS Code in the browser (code-server): data first (the desktop reads it), work below (the remote runs it)."""

from remote_bootstrap.apps.spec import AppSpec, Login

SPEC = AppSpec(
    key="vscode",
    label="VS Code",
    icon="app-vscode",
    local_port=8898,
    opens="browser",
    login=Login("post", "/login", {"password": "{secret}", "base": ".", "href": "{origin}/login"}),
)

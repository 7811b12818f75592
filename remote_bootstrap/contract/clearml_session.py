"""Names that the clearml-session command reads and writes in a session's task; standard library only, Python 3.8.

The desktop reads them to attach to that command's sessions. Ours have them only where the user wants the command to
be able to attach (option ``cli_compatible``): all members of the workspace can read them.
"""

from typing import Dict, Optional, Tuple

from remote_bootstrap import contract
from remote_bootstrap.contract import Record, Report

PARAM_COMPATIBLE = "cli_compatible"  # in our own section
SYSTEM_TAG = "interactive"
SECTION = "interactive_session"
PROPERTIES = "properties"
FAILED_PORT = -1

# In SECTION: what the command waits for, and where it thinks that it works.
ASKS_JUPYTER = "jupyterlab"
ASKS_VSCODE = "vscode_server"
ASKS_SSH = "ssh_server"
ASKS_PROXY = "use_ssh_proxy"
ASKS_FOLDER = "user_base_directory"

RUNTIME_PASSWORD = "_ssh_password"  # noqa: S105  a name
RUNTIME_TOKEN = "_jupyter_token"  # noqa: S105  a name
RUNTIME_URL = "_jupyter_url"
RUNTIME_USER = "_ssh_user"
RUNTIME_PORT = "internal_ssh_port"

# What a task and ClearML's application router (Enterprise) tell each other. The task writes where it listens; the
# router writes where its route begins, under the same names.
ROUTER_TAG = "external_service"  # system tag
RUNTIME_SERVICE = "_SERVICE"
SERVICE_TCP = "EXTERNAL_TCP"
RUNTIME_ADDRESS = "external_address"
RUNTIME_OUTER_PORT = "external_tcp_port"
RUNTIME_INNER_PORT = "internal_tcp_port"  # the port to listen on, where a certain one is wanted from outside
RUNTIME_PORT_REQUEST = "internal_tcp_port_request"  # the one that the launcher would like

PROPERTY_ADDRESS = "external_address"
PROPERTY_OUTER_PORT = "external_ssh_port"
PROPERTY_PORT = "internal_ssh_port"
PROPERTY_JUPYTER = "jupyter_port"
PROPERTY_VSCODE = "vscode_port"


def published(
    record: Optional[Record], report: Report, ssh: str, jupyter: str, vscode: str
) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return runtime properties and user properties as that command expects them, as far as they are known.

    ``report`` is the one with secrets; ``ssh``, ``jupyter`` and ``vscode`` are the applications' keys.
    """
    server = report.apps.get(ssh)
    if record is None or server is None or not server.port:
        return {}, {}
    inner_port = server.port
    runtime = {RUNTIME_USER: record.user, RUNTIME_PORT: str(inner_port)}
    properties = {PROPERTY_ADDRESS: record.address, PROPERTY_PORT: str(inner_port)}
    if record.port != inner_port:
        properties[PROPERTY_OUTER_PORT] = str(record.port)
    for key, name in ((jupyter, PROPERTY_JUPYTER), (vscode, PROPERTY_VSCODE)):
        app = report.apps.get(key)
        if app is not None and app.state in contract.APP_SETTLED:
            properties[name] = str(app.port if app.state == contract.APP_READY else FAILED_PORT)
            if key == jupyter and app.state == contract.APP_READY:
                url = "http://%s:%d/?token=%s" % (record.address, app.port, app.secret)
                runtime.update({RUNTIME_TOKEN: app.secret, RUNTIME_URL: url})
    return runtime, properties

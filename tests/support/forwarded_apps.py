"""JupyterLab and code-server of a session of the bootstrap, through our tunnel, as they are here. Test's thread."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from tests.support.bootstrap_rig import BootstrapRig

LAB, CODE = JUPYTERLAB.key, VSCODE.key


class Forwarded(NamedTuple):
    """By application: the local port, and the token or password."""

    ports: Mapping[str, int]
    secrets: Mapping[str, str]


@contextmanager
def forwarded_apps(rig: BootstrapRig) -> Iterator[Forwarded]:
    """``rig`` is ready."""
    reports: list[contract.Report] = []
    arrived = threading.Event()

    def note(report: contract.Report) -> None:
        reports.append(report)
        arrived.set()

    with closing(SshTunnel("apps")) as tunnel:
        tunnel.on_report(note)
        tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(30))
        assert arrived.wait(20)
        apps = {key: reports[-1].apps[key] for key in (LAB, CODE)}
        bound = tunnel.forwards.bind({LAB: 0, CODE: 0})
        tunnel.forwards.set_app_ports({key: app.port for key, app in apps.items()})
        yield Forwarded({one.app: one.port for one in bound}, {key: app.secret for key, app in apps.items()})

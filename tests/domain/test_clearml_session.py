"""Where a session of clearml-session says that it is: its own order of precedence, and nothing else believed."""

from typing import Any

import pytest

from desktop_app.domain.sessions.clearml_session import ClearmlSession, session_of
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from remote_bootstrap.contract.clearml_session import FAILED_PORT

INNER = {"internal_ssh_port": "10022", "external_address": "10.0.0.7"}


@pytest.mark.parity("attach to clearml-session")
def test_a_session_of_its_own_machine() -> None:
    found = session_of({"_ssh_user": "ada"}, {**INNER, "jupyter_port": "8889", "vscode_port": "9001"})
    assert found == ClearmlSession("10.0.0.7", 10022, 10022, "ada", 8889, 9001)


@pytest.mark.parity("address precedence")
@pytest.mark.parametrize(
    ("runtime", "more", "address", "port"),
    [
        ({}, {}, "10.0.0.7", 10022),
        ({}, {"external_ssh_port": "22022"}, "10.0.0.7", 22022),
        ({}, {"k8s-gateway-address": "gate", "k8s-pod-port": "31000", "external_ssh_port": "22022"}, "gate", 31000),
        ({"external_address": "router", "external_tcp_port": 41000}, {"k8s-pod-port": "31000"}, "router", 41000),
    ],
)
def test_router_before_kubernetes_before_the_machine(runtime: dict, more: dict, address: str, port: int) -> None:
    found = session_of(runtime, {**INNER, **more})
    assert (found.address, found.port, found.inner_port) == (address, port, 10022)


def test_an_outer_port_without_a_server_behind_it_is_not_ready() -> None:
    assert not session_of({"external_address": "router", "external_tcp_port": 41000}, {}).ready


@pytest.mark.parametrize("address", ["-oProxyCommand=evil", "a b", 'a"b', "a\nb", ""])
def test_an_impossible_address_is_none(address: str) -> None:
    found = session_of({}, {**INNER, "external_address": address})
    assert (found.address, found.ready, found.report()) == ("", False, None)


@pytest.mark.parametrize("port", ["", "0", "-1", "65536", "٣", "22; rm", "1e3", None, [], {}])
def test_an_impossible_port_is_none(port: Any) -> None:
    assert session_of({"external_tcp_port": port}, INNER).port == 10022
    assert not session_of({}, {"external_address": "x", "internal_ssh_port": port}).ready


def test_applications_are_reported_like_our_own() -> None:
    report = session_of({}, {**INNER, "jupyter_port": "8889", "vscode_port": str(FAILED_PORT)}).report()
    assert report is not None
    states = {key: (app.state, app.port) for key, app in report.apps.items()}
    assert states[JUPYTERLAB.key] == (contract.APP_READY, 8889)
    assert states[VSCODE.key] == (contract.APP_FAILED, 0)
    assert states["ssh"] == (contract.APP_READY, 10022)


@pytest.mark.parity("attach to clearml-session", "H1")
def test_an_application_that_was_asked_for_is_awaited() -> None:
    asked = {"jupyterlab": "True", "vscode_server": "False"}
    report = session_of({}, INNER, asked).report()
    assert report is not None and set(report.apps) == {"ssh", JUPYTERLAB.key}
    assert report.apps[JUPYTERLAB.key].state == contract.APP_STARTING
    there = session_of({}, {**INNER, "jupyter_port": "8889"}, asked).report()
    assert there is not None and there.apps[JUPYTERLAB.key] == contract.AppReport(contract.APP_READY, "", 8889)


def test_an_odd_user_is_roots() -> None:
    assert session_of({"_ssh_user": "-oX"}, INNER).user == "root"

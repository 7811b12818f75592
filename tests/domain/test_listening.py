"""What the remote says about its ports, and what we call it."""

import pytest

from desktop_app.domain.access.listening import (
    LOOPBACK,
    Forward,
    Kind,
    Listening,
    local_key,
    preferred_port,
    read_listening,
    shown,
)
from desktop_app.domain.access.port_services import TABLE, service_of
from remote_bootstrap.contract.apps import BY_KEY as APPLICATIONS


@pytest.mark.parametrize(
    ("process", "command", "port", "label"),
    [
        ("tensorboard", "python bin/tensorboard --logdir …", 6006, "TensorBoard"),
        ("python", "python -m tensorboard.main --logdir …", 40123, "TensorBoard"),
        ("python", "python app.py", 7860, "Gradio"),
        ("python3.11", "python3.11 servers/kernel.py … -f …", 7861, "Gradio"),
        ("streamlit", "python3 bin/streamlit run app.py", 9000, "Streamlit"),
        ("python", "python streamlit.py", 9000, None),
        ("python", "python -m uvicorn --host 127.0.0.1 --port 5000 mlflow.server.fastapi_app:app", 5000, "MLflow"),
        ("gunicorn", "python bin/gunicorn -b 127.0.0.1:5000 mlflow.server:app", 5000, "MLflow"),
        ("python", "python -u ray/dashboard/dashboard.py --host=127.0.0.1 --port=8265", 8265, "Ray dashboard"),
        ("dask", "python bin/dask-scheduler", 8787, "Dask dashboard"),
        ("python", "python train.py", 8787, "Dask dashboard"),
        ("vllm", "python bin/vllm serve …", 8000, "vLLM"),
        ("VLLM::APIServer", "VLLM::APIServer", 8000, "vLLM"),
        ("jupyter-lab", "python3 bin/jupyter-lab --no-browser", 8889, "Jupyter"),
        ("python", "python -m jupyterlab", 8890, "Jupyter"),
        ("marimo", "python bin/marimo edit nb.py", 2718, "marimo"),
        ("flask", "python -m flask run", 5000, "Flask"),
        ("uvicorn", "python bin/uvicorn …", 8000, "Web application (uvicorn)"),
        ("python", "python -m http.server 8000", 8000, "File server (http.server)"),
        ("node", "node node_modules/.bin/vite", 5173, "Node.js server"),
        ("redis-server", "redis-server …", 6379, "Redis"),
        ("java", "java -jar app.jar", 5000, None),
        ("", "", 6006, None),
    ],
)
def test_a_service_is_known_by_its_program_its_module_or_its_port(
    process: str, command: str, port: int, label: str | None
) -> None:
    found = service_of(process, command, port)
    assert (found.label if found else None) == label


def test_services_have_keys_of_their_own() -> None:
    keys = [service.key for service in TABLE]
    assert len(keys) == len(set(keys))
    assert not {service.key for service in TABLE} & set(APPLICATIONS)


def row(**changes: object) -> dict[str, object]:
    made = {"port": 6006, "address": "127.0.0.1", "pid": 7, "process": "tensorboard", "command": "x", "session": True}
    return {**made, **changes}


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1", LOOPBACK), ("0.0.0.0", LOOPBACK), ("::", "::1"), ("::1", "::1"), ("10.0.0.7", "10.0.0.7"),
        ("::ffff:127.0.0.1", LOOPBACK), ("::ffff:0.0.0.0", LOOPBACK), ("127.0.0.53", "127.0.0.53"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)  # fmt: skip
def test_where_a_listener_is_reached(address: str, host: str) -> None:
    (found,) = read_listening({"ports": [row(address=address)]})
    assert found.host == host


def test_one_row_per_port_and_the_sessions_own_first() -> None:
    rows = [row(port=22, session=False), row(address="::"), row(address="0.0.0.0", pid=8), row(port=5000)]
    assert [(one.port, one.host) for one in read_listening({"ports": rows})] == [
        (5000, LOOPBACK), (6006, LOOPBACK), (22, LOOPBACK),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [{}, {"ports": None}, {"ports": "x"}, {"ports": [1, None, []]}, {"ports": [row(port=True)]},
     {"ports": [row(port=0)]}, {"ports": [row(port=70000)]}, {"ports": [row(address="evil; rm")]},
     {"ports": [row(address=5)]}],
)  # fmt: skip
def test_nonsense_is_left_out(value: dict[str, object]) -> None:
    assert read_listening(value) == ()


def test_texts_of_the_remote_are_one_short_line() -> None:
    (found,) = read_listening({"ports": [row(process="a\x1b]0;x\x07\nb" * 50, command="c\u202e" * 900, pid="7")]})
    assert found.process.isprintable()
    assert len(found.process) <= 64
    assert found.command.isprintable()
    assert len(found.command) <= 300
    assert found.pid == 0


def test_plumbing_and_the_sessions_applications_are_not_shown() -> None:
    kernel = Listening(51234, process="python", command="python servers/kernel.py -f …")
    notebook = Listening(9000, process="python", command="python servers/kernel.py -f …")
    sshd = Listening(10022, process="sshd", command="sshd")
    lab = Listening(40001, process="python", command="python -m jupyterlab")
    assert shown((kernel, notebook, sshd, lab), (40001,)) == (notebook,)


def test_the_local_port_is_the_same_where_that_may_be() -> None:
    assert [preferred_port(port) for port in (6006, 80, 443)] == [6006, 8080, 8443]


def test_forwards_have_keys_that_no_application_has() -> None:
    keys = {Forward(Kind.LOCAL, 1, 6006).key, Forward(Kind.REVERSE, 3128, 6006).key, Forward(Kind.SOCKS, 1080).key}
    assert len(keys) == 3
    assert local_key(6006) in keys
    assert not keys & set(APPLICATIONS)

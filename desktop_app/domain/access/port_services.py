"""What listens on a port, by the program's name, its module or script, or its usual port. One row per service; pure."""

import re
from dataclasses import dataclass

EPHEMERAL_FROM = 32768  # where systems choose ports by themselves: nothing that a user asked for
NEVER = 65536


@dataclass(frozen=True, slots=True)
class Service:
    """One row. A word of ``words`` in the command or the process's name is enough; else one of ``ports``, if a
    ``runs_in`` program has it. A word that ends in * is the beginning of a name.

    ``plumbing_from``: on ports from there on it is something that no user wants to open (a kernel's channels).
    """

    key: str
    label: str
    words: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    runs_in: tuple[str, ...] = ("python",)
    path: str = "/"  # the page to open
    web: bool = True
    plumbing_from: int = NEVER


TABLE = (
    Service("tensorboard", "TensorBoard", ("tensorboard",), (6006,)),
    Service("gradio", "Gradio", ("gradio",), tuple(range(7860, 7880))),
    Service("streamlit", "Streamlit", ("streamlit",), (8501, 8502, 8503)),
    Service("mlflow", "MLflow", ("mlflow",), (5000,)),
    Service("ray", "Ray dashboard", ("ray/dashboard", "ray::dashboardhead"), (8265,)),
    Service("dask", "Dask dashboard", ("distributed.cli", "dask-scheduler", "dask/scheduler"), (8787,), path="/status"),
    Service("vllm", "vLLM", ("vllm",), (), path="/docs"),
    Service("ollama", "Ollama", ("ollama",), (11434,), ("ollama",)),
    Service("triton", "Triton", ("tritonserver",), (), web=False),
    Service("marimo", "marimo", ("marimo",), (2718,)),
    Service(
        "kernel",
        "Jupyter kernel",
        ("ipykernel_launcher", "ipykernel", "servers/kernel.py"),
        plumbing_from=EPHEMERAL_FROM,
    ),
    Service("jupyter", "Jupyter", ("jupyter*",), (8888,)),
    Service(
        "vscode-server",
        "VS Code server",
        ("code-server", "vscode-server", "out/server-main.js"),
        plumbing_from=EPHEMERAL_FROM,
    ),
    Service("wandb", "Weights & Biases", ("wandb", "wandb-core", "wandb-service"), plumbing_from=EPHEMERAL_FROM),
    Service("optuna", "Optuna dashboard", ("optuna-dashboard",), ()),
    Service("label-studio", "Label Studio", ("label-studio", "label_studio"), ()),
    Service("panel", "Panel", ("panel", "bokeh"), (5006,)),
    Service("dash", "Dash", (), (8050,)),
    Service("flask", "Flask", ("flask",), ()),
    Service("django", "Django", ("manage.py", "django"), ()),
    Service("uvicorn", "Web application (uvicorn)", ("uvicorn", "fastapi", "hypercorn"), ()),
    Service("gunicorn", "Web application (gunicorn)", ("gunicorn",), ()),
    Service("http.server", "File server (http.server)", ("http.server",), ()),
    Service("node", "Node.js server", ("vite", "next-server", "webpack", "npm"), (3000, 5173), ("node", "bun", "deno")),
    Service("postgres", "PostgreSQL", ("postgres",), (), web=False),
    Service("mysql", "MySQL", ("mysqld", "mariadbd"), (), web=False),
    Service("redis", "Redis", ("redis-server", "valkey-server"), (), web=False),
    Service("mongo", "MongoDB", ("mongod",), (), web=False),
    Service("debugpy", "Python debugger", ("debugpy",), (5678,), web=False),
    Service("sshd", "SSH server", ("sshd", "asyncssh_main.py"), (), web=False, plumbing_from=1),
)
BY_KEY = {service.key: service for service in TABLE}

_SPLIT = re.compile(r"[\s/]+")


def service_of(process: str, command: str, port: int) -> Service | None:
    """Return the first row that fits; None for an unknown program."""
    words = _words(process, command)
    named = next((service for service in TABLE if any(_says(word, words) for word in service.words)), None)
    usual = next((service for service in TABLE if port in service.ports and _runs_in(service, words)), None)
    if named is None or (named.plumbing_from < NEVER and usual is not None):  # a notebook's Gradio runs in a kernel
        return usual or named
    return named


def is_plumbing(service: Service | None, port: int) -> bool:
    return service is not None and port >= service.plumbing_from


def _words(process: str, command: str) -> str:
    """Return every name in the command, with what it is a part of, between slashes: "/python/ray/dashboard/…/"."""
    parts = [part for part in _SPLIT.split(f"{process} {command}".lower()) if part]
    return "/" + "/".join(parts) + "/"


def _says(word: str, words: str) -> bool:
    """True if it is named as a whole or as the package of a module; "streamlit.py" would be a user's own script."""
    if word.endswith("*"):
        return f"/{word[:-1]}" in words
    return f"/{word}/" in words or f"/{word}::" in words or (f"/{word}." in words and f"/{word}.py/" not in words)


def _runs_in(service: Service, words: str) -> bool:
    return any(f"/{program}" in words for program in service.runs_in)

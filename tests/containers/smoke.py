"""``make smoke-docker``: the main job in a real container, by the command line; ends with one JSON line like smoke's.

``agent_s``: the agent had prepared the container and the bootstrap said its first word; ``ssh_s``: the tunnel is up;
``jupyterlab_s``: it answers at its local port; ``cell_s``: a notebook cell printed its result; all in seconds from
Launch. ``shutdown_s``: from Shut down until no container is left. Needs root, as every Docker engine of one's own.
"""

import json
import os
import sys
import time

from tests.support.desktop_private import PrivateDesktop, RigOptions
from tests.support.docker_agent import QUEUE, docker_agent, docker_server, known_account
from tests.support.engine import BASE, Engine
from tests.support.kernels import run_cell
from tests.support.real_terminal import COMMAND, RealTerminal
from tests.support.sign_in import jupyter_through
from tests.support.waiting import wait_until


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    if os.geteuid() != 0:
        say("make smoke-docker needs root: only root can start the Docker engine that it uses.")
        return 1
    seconds: dict[str, float] = {}
    with (
        Engine() as engine,
        docker_server() as server,
        docker_agent(engine, server) as agent,
        PrivateDesktop(RigOptions(tray=False)) as rig,
    ):
        known_account(rig.env, server, COMMAND)
        terminal = RealTerminal(rig)
        say("Launching into a container")
        began = time.monotonic()
        launch = terminal.stay("launch", "--queue", QUEUE, "--docker", BASE, "--no-vscode-server")
        ready = terminal.event(launch, "ready", 200)
        seconds["jupyterlab_s"] = time.monotonic() - began
        reached = ready["seconds"]
        seconds["agent_s"] = seconds["jupyterlab_s"] - max(reached.values())
        seconds["ssh_s"] = seconds["agent_s"] + reached["app:ssh"]
        task, port = ready["id"], ready["applications"]["jupyterlab"]["local_port"]
        say("Running a notebook cell")
        client, token = jupyter_through(terminal.json("open", task, "--print")["url"])
        client.close()
        printed = run_cell(f"127.0.0.1:{port}", token, "print(6 * 7)")
        assert printed == "42\n", f"the notebook cell printed {printed!r}"
        seconds["cell_s"] = time.monotonic() - began
        say("Shutting down")
        ended = time.monotonic()
        terminal.run("shutdown", task)
        wait_until(lambda: not agent.engine.containers(), "the container's end", 60)
        seconds["shutdown_s"] = time.monotonic() - ended
    print(json.dumps({"ok": True, **{name: round(value, 1) for name, value in seconds.items()}}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

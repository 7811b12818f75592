"""``make smoke``: the main job through the real window on a virtual screen; ends with one JSON line.

``queued_s``: the agent took the task; ``ssh_s``: a probe came back through the tunnel; ``jupyterlab_s``, ``vscode_s``:
the application answers at its local port; ``cell_s``: a notebook cell printed its result in the browser; all in seconds
from Launch. ``shutdown_s``: from Shut down to a free agent and no process left.
"""

import json
import sys

from tests.e2e.main_job import MainJob
from tests.support.desktop_rig import Rig, RigOptions


def main() -> int:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with Rig(RigOptions(window_manager=True)) as rig:
        job = MainJob(rig)
        say("Opening the window and starting the sandbox")
        job.start_app()
        job.choose_sandbox()
        say("Launching")
        job.launch()
        job.measure_start()
        say("Running a notebook cell in the browser")
        printed = job.run_cell("print(6 * 7)")
        assert printed == "42", f"the notebook cell printed {printed!r}"
        say("Loading VS Code in the browser")
        job.open_vscode()
        say("Shutting down")
        job.shut_down()
        job.quit()
    print(json.dumps({"ok": True, **job.seconds}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What experiments that are started inside the session inherit from it: the docker image and the init script.

The clearml SDK reads both variables when a user's own program creates a task. Pure; called on the main thread.
"""

import os
from typing import Dict

from remote_bootstrap.session.context import Context
from remote_bootstrap.steps.init_script import script_of
from remote_bootstrap.task.report import TaskFacts

IMAGE = "CLEARML_DOCKER_IMAGE"  # clearml-agent sets it too, for what it runs in a container
SCRIPT = "CLEARML_DOCKER_BASH_SCRIPT"


def variables(context: Context, facts: TaskFacts) -> Dict[str, str]:
    """Return those of the two that have a value."""
    inherited = {
        IMAGE: facts.image or os.environ.get(IMAGE, ""),
        SCRIPT: script_of(context) or facts.setup_script or os.environ.get(SCRIPT, ""),
    }
    return {name: value for name, value in inherited.items() if value}

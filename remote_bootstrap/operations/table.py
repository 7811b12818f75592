"""Every operation of the control channel beside the core's own: its name (contract.OP_*) -> what does it."""

from typing import Dict

from remote_bootstrap.operations.operation import Operation

OPERATIONS: Dict[str, Operation] = {}

"""Every operation of the control channel beside the core's own: its name (contract.OP_*) -> what does it."""

from typing import Dict

from remote_bootstrap import contract
from remote_bootstrap.operations import ports
from remote_bootstrap.operations.operation import Operation

OPERATIONS: Dict[str, Operation] = {
    contract.OP_LISTENING: ports.listening,
}

"""Every operation of the control channel beside the core's own: its name (contract.OP_*) -> what does it."""

from typing import Dict

from remote_bootstrap import contract
from remote_bootstrap.channel.operations import files, identities, ports, workspace
from remote_bootstrap.channel.operations.operation import Operation

OPERATIONS: Dict[str, Operation] = {
    contract.OP_LISTENING: ports.listening,
    contract.OP_SYNC_WORKSPACE: workspace.sync,
    contract.OP_FILES_HOME: files.home,
    contract.OP_FILES_DIGEST: files.digest,
    contract.OP_FILES_DIGESTS: files.digests,
    contract.OP_FILES_REFUSAL: files.refusal,
    contract.OP_GIT_DELIVER: identities.git_deliver,
    contract.OP_GIT_ASK: identities.git_ask,
    contract.OP_CLEARML_DELIVER: identities.clearml_deliver,
    contract.OP_RELEASE_PORT: ports.release,
}

"""What to say of a machine that can't be reached, where the session itself told why. Pure functions."""

from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.session import ServerFacts
from remote_bootstrap.contract import NO_IMAGE


def of_container(why: Problem, facts: ServerFacts) -> Problem:
    """``why``, or what helps against a container's own network, which no VPN leads into."""
    record, report = facts.record, facts.report
    if why.code != "ssh.unreachable" or record is None or report is None or not report.own_network:
        return why
    address = f"{record.address} port {record.port}"
    return problem("ssh.container", address=address, mend=_mend(report.container), cause=why.cause)


def _mend(image: str) -> str:
    if image == NO_IMAGE:
        return "Shut it down and launch it with a Docker image, which gets the machine's network."
    return (
        f"Shut it down and launch it again: SessionDock then asks for the image “{image}” with the machine's network"
        f" (--docker {image})."
    )

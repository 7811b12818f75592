"""What to say of a machine that can't be reached, where the session itself told why. Pure functions."""

from dataclasses import replace

from desktop_app.domain.launch.container import is_image
from desktop_app.domain.launch.options import NETWORK_HOST, LaunchSpec
from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.problems.problem import Remedy
from desktop_app.domain.sessions.snapshot import ServerFacts
from remote_bootstrap.contract import Report


def of_container(why: Problem, facts: ServerFacts, task: str) -> Problem:
    """Return ``why``, or what helps against a container's own network, which no VPN leads into."""
    record, report = facts.record, facts.report
    if why.code != "ssh.unreachable" or record is None or report is None or not report.own_network:
        return why
    address = f"{record.address} port {record.port}"
    container = problem("ssh.container", address=address, mend=_mend(report.container, task), cause=why.cause)
    if is_image(report.container):
        return container
    remedies = tuple(remedy for remedy in container.remedies if remedy is not Remedy.WITH_IMAGE)
    return replace(container, remedies=remedies)


def with_image(spec: LaunchSpec, report: Report | None) -> LaunchSpec:
    """Return a launch like that of a session which sits behind its container's own network, with the image that it
    told."""
    if report is None or not report.own_network or not is_image(report.container):
        return spec
    return spec if spec.docker or spec.docker_network != NETWORK_HOST else replace(spec, docker=report.container)


def _mend(image: str, task: str) -> str:
    if not is_image(image):  # all members of the workspace can write it, and the command is copied into a shell
        return "Shut it down and launch it with a Docker image, which gets the machine's network."
    return (
        "Launch it again with the image that it reported, which gets the machine's network: "
        f"“{Remedy.WITH_IMAGE.value}” in the window, or “sessiondock launch --again {task} --docker {image}”. Then "
        "shut this one down."
    )

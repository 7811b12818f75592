"""Launch options are found by label, help, flag, card and choice."""

import pytest

from desktop_app.domain.launch.option_search import matching_options
from desktop_app.domain.launch.options import options


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Docker image", "docker"),
        ("--packages", "packages"),
        ("--ssh-port", "ssh_port"),  # the flag is --remote-ssh-port
        ("skip-docker-network", "docker_network"),  # a flag of clearml-session
        ("queue exclud", "queue_excluded_tag"),
        ("init_script", "init_script"),
        ("kubernetes", "docker_network"),  # in a choice only
        ("IDENTIFIES NOTHING", ""),
        ("keyring", "password"),  # in its help only
        ("asyncssh", "force_dropbear"),
    ],
)
def test_an_option_is_found_by_what_people_call_it(query: str, first: str) -> None:
    assert (*matching_options(query), "")[0] == first


def test_every_option_is_found_by_its_label_and_by_its_flag() -> None:
    for name, option in options().items():
        assert name in matching_options(option.label) and name in matching_options(option.flag), name


def test_every_word_has_to_occur() -> None:
    assert set(matching_options("docker port")) < set(matching_options("docker"))
    assert matching_options("  ") == tuple(options())

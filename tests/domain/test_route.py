"""Routes as people write them."""

import pytest

from desktop_app.domain.access.route import DIRECT, Hop, Kind, Route, parse_route
from desktop_app.domain.problems import AppError


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("", DIRECT),
        (" direct ", DIRECT),
        ("ssh-config", Route(Kind.SSH_CONFIG)),
        ("ssh://bastion", Route(Kind.JUMP, (Hop("bastion"),))),
        ("ssh://me@a:2222, ssh://b", Route(Kind.JUMP, (Hop("a", 2222, "me"), Hop("b")))),
        ("http://proxy", Route(Kind.HTTP, (Hop("proxy", 3128),))),
        ("socks5://a%40b@[fd00::1]:99/", Route(Kind.SOCKS5, (Hop("fd00::1", 99, "a@b"),))),
    ],
)
def test_a_route_reads_as_it_is_written(text: str, route: Route) -> None:
    assert parse_route(text) == route


@pytest.mark.parametrize(
    "text",
    [
        "bastion", "ftp://x", "http://", "http://a b", "http://a/path", "http://a?x", "ssh://a:99999", "ssh://-oProxy",
        "http://a,http://b", "http://a,ssh://b", "ssh://*", "ssh://a\nHost b", ",".join(["ssh://a"] * 9),
        "http://me:secret@proxy",
    ],
)  # fmt: skip
def test_what_is_no_route_is_refused_with_examples(text: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_route(text)
    assert caught.value.problem.code == "route.invalid"
    assert "socks5://" in caught.value.problem.detail


def test_a_password_in_a_route_is_not_repeated() -> None:
    with pytest.raises(AppError) as caught:
        parse_route("http://me:secret@proxy")
    assert "secret" not in f"{caught.value.problem!r}"


def test_a_route_in_words() -> None:
    assert str(parse_route("ssh://a,ssh://b:22")) == "through a and b:22"
    assert str(parse_route("socks5://me@[fd00::1]")) == "through the SOCKS proxy [fd00::1]:1080"
    assert str(DIRECT) == "directly"
    assert parse_route("http://me@proxy").takes_password
    assert not parse_route("ssh://me@bastion").takes_password

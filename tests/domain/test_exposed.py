"""Which options hold what looks like a secret, and that ordinary ones are left in peace. Values are never repeated."""

import time
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.domain.launch.exposed import secrets_in, warnings_of
from desktop_app.domain.launch.options import LaunchSpec


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("-e AWS_SECRET_ACCESS_KEY=abc/def -e HF_TOKEN=hf9", ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN")),
        ("--env=WANDB_API_KEY=123456", ("WANDB_API_KEY",)),
        ('-e "DB_PASSWORD=two words"', ("DB_PASSWORD",)),
        ("-eMY_TOKEN=x9", ("MY_TOKEN",)),
        ("--env 'API_KEY=x9'", ("API_KEY",)),
        ("--label ci.token=x9", ("ci.token",)),
        ("#!/bin/bash\nset -e\nexport OPENAI_API_KEY=sk9\nGH_PAT='abc'\n", ("OPENAI_API_KEY", "GH_PAT")),
        ("git clone https://ada:pa55@git.example/x.git", ("a login in an address",)),
        ("-e URL=postgres://u:p@db/x", ("a login in an address",)),
        ("echo ghp_0123456789abcdefghij > f", ("an access token",)),
        ("--build-arg NPM_TOKEN=abc", ("NPM_TOKEN",)),
        ("-e HTTPS_PROXY=http://me:secret@proxy:3128", ("a login in an address",)),
        ("--shm-size=8g --gpus all -e GREETING=hello -v /data:/data", ()),
        ("-e HF_TOKEN", ()),  # the agent's own value
        ("-e TOKEN_FILE=/run/secrets/x -e SSH_PUBLIC_KEY=abc", ()),
        ('export HF_TOKEN=$(cat /run/secrets/hf)\nexport A_KEY="$OTHER"', ()),
        ("-e TOKENIZERS_PARALLELISM=false -e MONKEY=banana -e KEYBOARD=de", ()),
        ("-e MAX_TOKENS=100 -e PASSWORD=", ()),
        ("torch==2.5\n-i https://index.example/simple", ()),
        ("-e SSH_AUTH_SOCK=/tmp/agent.sock", ()),
        ("it's an open quote -e X_TOKEN=abc", ("X_TOKEN",)),
    ],
)
def test_names_of_secrets(text: str, names: tuple[str, ...]) -> None:
    assert secrets_in(text) == names


@pytest.mark.parametrize("piece", ["ab", "a.", "a+b-", "x" * 40 + "/", "https://a", "A=b"])
def test_a_program_that_a_script_carries_does_not_hold_up_the_window(piece: str) -> None:
    """In one line of hexadecimal digits, say. What tries each of its letters as a beginning takes minutes."""
    begun = time.process_time()
    secrets_in(f"echo {piece * (100_000 // len(piece))} | xxd -r -p > program")
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize("field", ["docker_args", "init_script", "packages"])
def test_the_option_is_named_with_the_way_that_is_safe(field: str) -> None:
    change: dict[str, Any] = {field: "-e HF_TOKEN=verysecret"}
    told = warnings_of(replace(LaunchSpec(), **change))
    assert len(told) == 1 and "HF_TOKEN" in told[0] and "sessiondock give" in told[0] and "verysecret" not in told[0]


def test_nothing_is_said_of_an_ordinary_launch() -> None:
    assert warnings_of(LaunchSpec(docker="python:3.12", docker_args="--shm-size=8g", init_script="pip install x")) == ()

"""The option table as the command line shows it, and that it covers all of clearml-session."""

from pathlib import Path

import pytest

from desktop_app.cli import main as cli
from desktop_app.cli.commands.catalogue import markdown
from desktop_app.cli.parsing.launch_options import normal
from desktop_app.domain.launch.option import Kind
from desktop_app.domain.launch.options import options
from tests.support.cli_rig import Run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "options.md"
# FIELD: every flag of clearml-session 0.17, list/info/shutdown aside.
THEIRS = {
    "--version", "--attach", "--shutdown", "-S", "--shell", "--debugging-session", "--queue", "--router-enabled",
    "--docker", "--docker-args", "--public-ip", "--remote-ssh-port", "--vscode-server", "--vscode-version",
    "--vscode-extensions", "--jupyter-lab", "--upload-files", "--continue-session", "--store-workspace",
    "--git-credentials", "--user-folder", "--packages", "--requirements", "--init-script", "--config-file",
    "--remote-gateway", "--base-task-id", "--project", "--session-name", "--session-tags", "--disable-session-cleanup",
    "--keepalive", "--queue-excluded-tag", "--queue-include-tag", "--skip-docker-network", "--docker-network",
    "--password", "--randomize", "--username", "--force-dropbear", "--disable-storage-packages",
    "--disable-store-defaults", "--disable-fingerprint-check", "--verbose", "--yes", "-y",
}  # fmt: skip


def test_the_page_of_the_docs_is_the_table() -> None:
    assert PAGE.read_text("utf-8") == markdown(), "run: sessiondock options --markdown > docs/options.md"


def test_every_flag_of_clearml_session_is_covered_once(run: Run) -> None:
    rows = run("options", "--json").json
    covered = [flag for row in rows for flag in row["covers"]]
    assert len(covered) == len(set(covered)) and set(covered) == THEIRS


def test_the_table_prints_for_people_and_programs(run: Run) -> None:
    rows = {row["name"]: row for row in run("options", "--json").json}
    assert set(options()) < set(rows)
    assert rows["packages"]["remembered"] == "profile" and rows["vscode"]["default"] is True
    assert rows["password"]["remembered"] == "never" and rows["password"]["type"] == "secret"
    said = run("options")
    assert all(option.flag in said.out for option in options().values())


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["--force_dropbear", "true", "list"], ["--force-dropbear=true", "list"]),
        (["--jupyter-lab", "list"], ["--jupyter-lab=true", "list"]),
        (["--vscode-server=false"], ["--vscode-server=false"]),
        (["--shutdowm", "abc"], ["--shutdown", "abc"]),
        (["--skip_docker_network"], ["--skip-docker-network=true"]),
        (["--docker-args", "--privileged", "-y"], ["--docker-args=--privileged", "-y"]),
        (["log", "--", "--odd_name"], ["log", "--", "--odd_name"]),
        (["--session-name=a_b"], ["--session-name=a_b"]),
    ],
)
def test_clearml_session_s_spellings_are_read(given: list[str], read: list[str]) -> None:
    assert normal(given) == read


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--jupyter-lab", "false"], "jupyterlab", False),
        (["--no-jupyter-lab"], "jupyterlab", False),
        (["--vscode-server"], "vscode", True),
        (["--disable-store-defaults"], "store_defaults", False),
        (["--disable-session-cleanup", "true"], "session_cleanup", "no"),
        (["--skip-docker-network"], "docker_network", "none"),
        (["--randomize"], "randomize", "once"),
        (["--randomize", "always"], "randomize", "always"),
        (["--init-script"], "init_script", ""),
        (["--remote-gateway"], "remote_gateway", ""),
        (["--packages"], "packages", []),
    ],
)
def test_switches_and_bare_flags(words: list[str], name: str, value: object) -> None:
    parsed = cli.parse(["launch", *words])
    assert vars(parsed)[f"option_{name}"] == value


def test_a_switch_set_false_leaves_the_other_way_alone() -> None:
    parsed = cli.parse(["launch", "--skip-docker-network", "false"])
    assert "option_docker_network" not in vars(parsed)


@pytest.mark.parity("--init-script")
def test_an_init_script_is_read_from_its_file(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "init.sh"
    script.write_text("export A=1\n", "utf-8")
    assert run("launch", "--no-attach", "--init-script", str(script)).code == 0
    said = run("launch", "--no-attach", "--json", "--init-script", str(tmp_path / "none.sh"))
    assert said.code == 1 and said.json["error"]["code"] == "launch.invalid"


def test_every_kind_has_a_flag_that_parses() -> None:
    assert {option.kind for option in options().values()} == set(Kind)

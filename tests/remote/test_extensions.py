"""VS Code's extensions and places: what is asked for is installed by a real code-server, what can't be is told."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.contract.apps import VSCODE
from remote_bootstrap.installers import codeserver, extensions
from tests.remote.test_vsix import site
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig

CODE = VSCODE.key
MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011"><Metadata>
<Identity Language="en-US" Id="{name}" Version="1.0.0" Publisher="sessiondock"/><DisplayName>{name}</DisplayName>
<Description xml:space="preserve">{name}</Description></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation><Dependencies/>
<Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/></Assets>
</PackageManifest>"""
TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension=".json" ContentType="application/json"/><Default Extension=".vsixmanifest" ContentType="text/xml"/>
</Types>"""


def vsix(folder: Path, name: str) -> Path:
    path = folder / f"{name}.vsix"
    package = {"name": name, "publisher": "sessiondock", "version": "1.0.0", "engines": {"vscode": "^1.60.0"}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extension.vsixmanifest", MANIFEST.format(name=name))
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("extension/package.json", json.dumps(package))
    return path


@pytest.fixture
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


def installed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
@pytest.mark.parity("--vscode-extensions")
def test_extensions_are_there_when_the_page_is(rig: BootstrapRig, tmp_path: Path) -> None:
    file, served = vsix(tmp_path, "one"), vsix(tmp_path, "two")
    with site(served.read_bytes()) as address:
        rig.start(jupyterlab="False", vscode_extensions=f"{file}\n{address}/two.vsix")
        rig.wait_app(CODE)
    assert installed(rig.session / CODE / "extensions") == {"sessiondock.one-1.0.0", "sessiondock.two-1.0.0"}
    report = rig.report()
    assert report is not None and not report.notices


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
@pytest.mark.parity("--vscode-extensions", "remote-environment")
def test_one_that_can_not_be_installed_is_told_and_the_others_are_there(rig: BootstrapRig, tmp_path: Path) -> None:
    good, own = vsix(tmp_path, "good"), tmp_path / "of the agent"
    places = {
        "CLEARML_VSCODE_EXTENSIONS_DIR": str(own / "ext"),
        "CLEARML_SESSION_VSCODE_USER_DATA_DIR": str(own / "data"),
    }
    rig.start(places, jupyterlab="False", vscode_extensions=f"{good}\n{tmp_path}/missing.vsix")
    rig.wait_app(CODE)
    report = rig.report()
    assert report is not None and len(report.notices) == 1 and "missing.vsix" in report.notices[0]
    assert report.apps[CODE].state == contract.APP_READY
    assert "sessiondock.good-1.0.0" in installed(own / "ext") and (own / "data" / "User" / "settings.json").is_file()


@pytest.mark.parametrize(
    ("listed", "python", "variable", "expected"),
    [
        ("", "", "", []),
        ("a.b, c.d\n e.f@1", "", "", ["a.b", "c.d", "e.f@1"]),
        ("", "2025.12.0", "", ["ms-python.python@2025.12.0"]),
        ("ms-python.python\na.b", "2025.12.0", "", ["a.b", "ms-python.python@2025.12.0"]),
        ("a.b", "", "2024.1.0", ["a.b", "ms-python.python@2024.1.0"]),
        ("a.b", "2025.12.0", "2024.1.0", ["a.b", "ms-python.python@2025.12.0"]),
        ("", "", "/opt/python.vsix", ["/opt/python.vsix"]),
        ("", "", "ms-python.python", ["ms-python.python"]),
    ],
)
@pytest.mark.parity("--vscode-version", "--vscode-extensions", "remote-environment")
def test_which_ones_are_wanted(
    listed: str, python: str, variable: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, extensions.PYTHON_VARIABLE, variable)
    assert extensions.wanted(listed, python) == expected


@pytest.mark.slow
@pytest.mark.leaves_threads("Thread-")
@pytest.mark.parity("--vscode-version")
def test_a_version_may_name_the_python_extension_s_too(rig: BootstrapRig) -> None:
    """The first half chooses code-server's version; this one is too old, and the reason says which it was."""
    rig.start(jupyterlab="False", vscode_version="3.12.0:2025.12.0")
    assert "code-server 3.12.0 is too old" in rig.wait_app(CODE, contract.APP_FAILED).detail


@pytest.mark.parity("remote-environment", "S9")
def test_an_agents_own_archive_is_used_when_it_can_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """clearml-session takes any address without a look at what it gets."""
    archive = tmp_path / "code-server-4.105.1.tar.gz"
    archive.write_bytes(b"archive")
    checksum = hashlib.sha256(b"archive").hexdigest()
    said: list[str] = []
    for given, found in (
        ("", codeserver.Source("4.105.1")),
        (str(tmp_path / "code-server-{version}.tar.gz"), codeserver.Source("4.105.1", archive.as_uri(), checksum)),
        (archive.as_uri(), codeserver.Source("4.105.1", archive.as_uri(), checksum)),
        ("https://x/{version}.tgz#sha256=" + checksum, codeserver.Source("4.105.1", "https://x/4.105.1.tgz", checksum)),
        ("https://x/{version}.tgz", codeserver.Source("4.105.1")),
        ("/nowhere.tgz", codeserver.Source("4.105.1")),
    ):
        monkeypatch.setenv(codeserver.ARCHIVE_VARIABLE, given)
        assert codeserver.of_the_machine("4.105.1", said.append) == found
    assert [line.split(":")[0] for line in said] == ["CLEARML_SESSION_VSCODE_SERVER_TGZ is not used"] * 2

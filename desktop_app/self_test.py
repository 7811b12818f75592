"""``sessiondock --self-test``: whether this installation has all that it needs, one line or one JSON object.

Packagers run it on what they built, support asks for it. Part of the composition layer: it touches the real adapters.
Main thread; the keyring answers on its own thread with its own deadline.
"""

import argparse
import json
import os
import secrets
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import certifi

from desktop_app.adapters.clearml import payload
from desktop_app.adapters.files.credentials import CredentialFiles
from desktop_app.adapters.keyring_store import KeyringStore
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError
from desktop_app.ui.program import self_check

FEWEST_AUTHORITIES = 50  # a bundle of certificate authorities has more than a hundred


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it went well, and a line about it."""

    ok: bool
    detail: str


def check_keyring() -> str:
    """Store, read and delete a secret in the real keyring."""
    store = KeyringStore()
    owner, value = "self-test", secrets.token_urlsafe(24)
    store.set(API_SECRET, owner, value)
    read = store.get(API_SECRET, owner)
    store.delete(API_SECRET, owner)
    if read != value:
        raise RuntimeError("the keyring gave back another value than it was given")
    if store.get(API_SECRET, owner) is not None:
        raise RuntimeError("the keyring still has a secret that was deleted")
    return "stored, read and deleted a secret"


def check_children() -> str:
    """Check that programs started from here (ssh, terminals, browsers) load the system's libraries, not ours."""
    bundle, path = getattr(sys, "_MEIPASS", ""), os.environ.get("LD_LIBRARY_PATH", "")
    if bundle and bundle in path:
        raise RuntimeError(f"LD_LIBRARY_PATH={path} would reach every child")
    return "clean"


def check_tls() -> str:
    """Check that certificate authorities are found, the bundled ones included."""
    context = ssl.create_default_context(cafile=certifi.where())
    count = context.cert_store_stats()["x509_ca"]
    if count < FEWEST_AUTHORITIES:
        raise RuntimeError(f"only {count} certificate authorities in {certifi.where()}")
    return f"{count} certificate authorities, {ssl.OPENSSL_VERSION}"


def check_bootstrap() -> str:
    """Check that the task's script can be built from the packaged sources, and is Python."""
    script = payload.build_payload()
    compile(script, "session script", "exec")
    return f"{len(script)} characters"


def check_configuration() -> str:
    """Check that a clearml.conf can be read: its parser is imported only when one is."""
    text = "api { api_server: https://api.example, credentials { access_key: a, secret_key: b } }"
    found = CredentialFiles({}, Path.home()).text(text, "self-test")
    if found.api_url != "https://api.example" or not found.found:
        raise RuntimeError("a clearml.conf was misread")
    return "read"


CHECKS: dict[str, Callable[[], str]] = {
    "bootstrap": check_bootstrap,
    "children": check_children,
    "configuration": check_configuration,
    "icons": self_check.icons,
    "keyring": check_keyring,
    "qt": self_check.plugins,
    "tls": check_tls,
}


def run(checks: dict[str, Callable[[], str]]) -> dict[str, Finding]:
    """Run every check; one that fails does not keep the others from running."""
    findings = {}
    for name, check in checks.items():
        try:
            findings[name] = Finding(True, check())
        except (AppError, ImportError, OSError, RuntimeError, SyntaxError, ValueError) as error:
            findings[name] = Finding(False, f"{type(error).__name__}: {error}")
    return findings


def main(argv: Sequence[str]) -> int:
    """Exit code 0 when every check went well, else 1."""
    parser = argparse.ArgumentParser(prog="sessiondock --self-test", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = parser.parse_args(argv)
    findings = run(CHECKS)
    ok = all(finding.ok for finding in findings.values())
    sys.stdout.write(_as_json(ok, findings) if arguments.json else _as_lines(findings))
    return 0 if ok else 1


def _as_json(ok: bool, findings: dict[str, Finding]) -> str:
    about = {"executable": str(Path(sys.executable)), "frozen": bool(getattr(sys, "frozen", False))}
    return (
        json.dumps({"ok": ok, **about, "checks": {name: asdict(finding) for name, finding in findings.items()}}) + "\n"
    )


def _as_lines(findings: dict[str, Finding]) -> str:
    lines = (f"{'ok  ' if finding.ok else 'FAIL'} {name}: {finding.detail}\n" for name, finding in findings.items())
    return "".join(lines)

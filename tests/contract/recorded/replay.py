#!/usr/bin/env python3
"""Replays recorded scenarios against a ClearML-compatible server and says PASS or FAIL for every step.

    python replay.py BASE_URL FILES_URL --keys keys.json [--corpus clearml-recorded.jsonl] [--only TEXT] [--fails]
                     [--all-modes] [--report out.json] [--no-slow]

keys.json: {"alice": [access_key, secret_key], "bob": [...], "agent": [...]} - three users of one company.
Standard library only. See README.md for the format and for what each ``compare`` entry means. One thread, but for
steps that send several requests at once.
"""

import argparse
import base64
import gzip
import http.client
import json
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

if __name__ == "__main__":  # run as a file, it finds its neighbour through the repository's root
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.contract.recorded.comparing import at, blank, compare

Json = Any
VAR = re.compile(r"\$\{([\w:.-]+)\}")
CORPUS = Path(__file__).with_name("clearml-recorded.jsonl")
TIMEOUT = 30.0  # seconds for one answer
SHOWN = 12  # differences of one step that are printed


class Server:
    """Where a step is sent: two addresses, and what is known so far (ids, keys, tokens), by name."""

    def __init__(
        self, api: str, files: str, keys: dict[str, list[str]], *, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self.wait = wait  # lets the seconds pass that a step asks for
        self.addresses = {"api": urlsplit(api), "files": urlsplit(files)}
        self.known: dict[str, str] = {}
        self.keys = keys
        for user, (key, secret) in keys.items():
            self.known["key:" + user] = key
            self.known["secret:" + user] = secret

    def sign_in(self) -> None:
        """Learn a token of every user, and who they are."""
        for user in self.keys:
            answer = self.send({"call": "auth.login", "as": user, "auth": "basic"})
            self.known["token:" + user] = answer["data"]["token"]
            who = self.send({"call": "users.get_current_user", "as": user})["data"]["user"]
            self.known["user:" + user] = who["id"]
            self.known["name:" + user] = who["name"]
            self.known["company"] = who["company"]["id"]

    def send(self, step: Json) -> Json:
        """The raw answer of one step."""
        target = self.addresses[step.get("target", "api")]
        headers = {name: self.fill(value) for name, value in step.get("headers", {}).items()}
        auth = self._auth(step)
        if auth:
            headers["Authorization"] = auth
        content = self._content(step, headers)
        path = self.fill(step.get("path") or "/" + step["call"])
        connection = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=TIMEOUT)
        try:
            connection.request(step.get("method", "POST"), path, content, headers)
            response = connection.getresponse()
            body = response.read()
            return _answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)
        finally:
            connection.close()

    def _content(self, step: Json, headers: dict[str, str]) -> bytes | None:
        """The request's body; sets its content type where the step doesn't."""
        content: bytes | None = None
        if "raw" in step:
            content = self.fill(step["raw"]).encode("utf-8", "surrogatepass")
        elif "lines" in step:
            content = "\n".join(json.dumps(self.fill(one)) for one in step["lines"]).encode()
            headers.setdefault("Content-Type", "application/json-lines")
        elif step.get("body") is not None:
            content = json.dumps(self.fill(step["body"])).encode()
            headers.setdefault("Content-Type", "application/json")
        return gzip.compress(content or b"") if step.get("gzip") else content

    def _auth(self, step: Json) -> str:
        """The whole Authorization header, or an empty text."""
        kind = step.get("auth", "bearer")
        user = step.get("as", "alice")
        if kind == "none":
            return ""
        if kind == "bearer":
            return "Bearer " + self.known.get("token:" + user, "")
        if kind == "basic":
            kind = {"basic": [f"${{key:{user}}}", f"${{secret:{user}}}"]}
        if "basic" in kind:
            pair = ":".join(self.fill(part) for part in kind["basic"])
            return "Basic " + base64.b64encode(pair.encode()).decode()
        return str(self.fill(kind["header"]))

    def fill(self, value: Json) -> Json:
        """``value`` with ${name} and the "$repeat" and "$numbered" objects replaced by what they stand for."""
        if isinstance(value, str):
            return VAR.sub(lambda found: self.known.get(found.group(1), found.group(0)), value)
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            if set(value) == {"$repeat"}:
                return value["$repeat"][0] * value["$repeat"][1]
            if set(value) == {"$numbered"}:
                key, one, count = value["$numbered"]
                return {f"{key}{number}": one for number in range(count)}
            return {self.fill(key): self.fill(one) for key, one in value.items()}
        return value

    def learn(self, step: Json, answer: Json) -> None:
        """Keep what the step saves of its answer."""
        for name, path in step.get("save", {}).items():
            found = at(answer, path)
            if isinstance(found, str) and found:
                self.known[name] = found

    def blank(self, value: Json) -> Json:
        """An answer with everything that differs from run to run replaced by placeholders."""
        names = sorted(((text, name) for name, text in self.known.items() if len(text) >= 3), key=lambda p: -len(p[0]))
        return blank(value, names)


def _answer(status: int, headers: dict[str, str], body: bytes) -> Json:
    answer: Json = {"status": status, "headers": headers}
    try:
        value = json.loads(body)
    except ValueError:
        answer["text"] = body.decode("latin-1")
        return answer
    if isinstance(value, dict) and isinstance(value.get("meta"), dict):
        meta = value["meta"]
        for name in ("result_code", "result_subcode", "result_msg"):
            answer[name] = meta.get(name)
        answer["meta"] = meta
        answer["data"] = value.get("data")
    else:
        answer["json"] = value
    return answer


def claims(token: Json) -> Json:
    """What a JWT says, unverified; None for anything else."""
    try:
        part = str(token).split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return None


def run_step(server: Server, step: Json) -> Json:
    """The normalised answer of a step (of several at once where it has ``parallel``)."""
    if step.get("sleep"):
        server.wait(step["sleep"])
    if "parallel" in step:
        return _run_at_once(server, step["parallel"])
    answer = server.send(step)
    if step.get("decode"):
        answer["claims"] = claims(at(answer, step["decode"]))
    server.learn(step, answer)
    wanted = step.get("keep_headers")
    answer["headers"] = {name: answer["headers"].get(name) for name in wanted} if wanted else None
    if not wanted:
        del answer["headers"]
    if not step.get("keep_meta"):
        answer.pop("meta", None)
    if step.get("ignore_text"):
        answer.pop("text", None)
    return server.blank(answer)


def _run_at_once(server: Server, steps: list[Json]) -> Json:
    answers: list[Json] = [None] * len(steps)

    def one(number: int) -> None:
        answers[number] = server.send(steps[number])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    short = [{"status": a["status"], "result_subcode": a.get("result_subcode"), "data": a.get("data")} for a in answers]
    return {"answers": server.blank(short)}


def scenarios(path: Path) -> list[Json]:
    """Every scenario of a corpus."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]


@dataclass
class Outcome:
    """What came of one step: no ``problems`` means that it passed. ``lost``: a step before it gave no id."""

    scenario: str
    number: int
    step: Json
    got: Json
    problems: list[str]
    notes: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def label(self) -> str:
        what = self.step.get("note") or self.step.get("call") or self.step.get("path") or "parallel"
        return f"{self.scenario} #{self.number} {what}"


def play(server: Server, scenario: Json, *, all_modes: bool = False) -> Iterator[Outcome]:
    """Every step of a scenario, in order, by a server that has signed in."""
    server.known["run"] = secrets.token_hex(4)
    lost = False
    for number, step in enumerate(scenario["steps"], 1):
        try:
            got = run_step(server, step)
        except (OSError, http.client.HTTPException) as error:
            got = {"status": None, "text": f"{type(error).__name__}: {error}"}
        rules = step["compare"]
        if all_modes:
            rules = [rule.replace(":info", ":exact").replace(":likely", ":exact") for rule in rules]
        by = {**step, "compare": rules}
        problems = compare(by, step["answer"], got)
        notes = compare(by, step["answer"], got, likely=True)
        yield Outcome(scenario["scenario"], number, step, got, problems, notes, lost)
        lost = lost or bool(problems and any(name not in server.known for name in step.get("save", {})))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("api")
    parser.add_argument("files")
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--only", default="", help="only scenarios whose name holds this text")
    parser.add_argument("--fails", action="store_true", help="print only what fails")
    parser.add_argument("--all-modes", action="store_true", help="compare messages, too")
    parser.add_argument("--no-slow", action="store_true", help="leave out scenarios that wait")
    parser.add_argument("--report", type=Path, help="write every difference as JSON")
    return parser.parse_args()


def _print(outcome: Outcome, only_fails: bool) -> None:
    if outcome.notes:
        print("NOTE", outcome.label)
        print(*("      " + line for line in outcome.notes[: SHOWN // 2]), sep="\n")
    if not outcome.problems:
        if not only_fails:
            print("PASS", outcome.label)
        return
    print("FAIL", outcome.label, "(after a step that gave no id)" if outcome.lost else "")
    print(*("      " + line for line in outcome.problems[:SHOWN]), sep="\n")
    if len(outcome.problems) > SHOWN:
        print(f"      … and {len(outcome.problems) - SHOWN} more")


def main() -> int:
    """Replay what the command line asks for; 1 when a step fails."""
    arguments = _arguments()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names of any characters
    keys = json.loads(arguments.keys.read_text())
    total = 0
    failed: list[Outcome] = []
    for scenario in scenarios(arguments.corpus):
        slow = "slow" in scenario.get("tags", [])
        if arguments.only not in scenario["scenario"] or (arguments.no_slow and slow):
            continue
        server = Server(arguments.api, arguments.files, keys)
        server.sign_in()
        for outcome in play(server, scenario, all_modes=arguments.all_modes):
            total += 1
            _print(outcome, arguments.fails)
            if outcome.problems:
                failed.append(outcome)
    print(f"{total} steps: {total - len(failed)} pass, {len(failed)} fail")
    if arguments.report:
        arguments.report.write_text(json.dumps([_reported(outcome) for outcome in failed], indent=1))
    return 1 if failed else 0


def _reported(outcome: Outcome) -> Json:
    asked = {key: value for key, value in outcome.step.items() if key not in ("answer", "compare")}
    return {
        "scenario": outcome.scenario,
        "step": outcome.number,
        "label": outcome.label,
        "problems": outcome.problems,
        "follows_loss": outcome.lost,
        "got": outcome.got,
        "expected": outcome.step["answer"],
        "asked": asked,
    }


if __name__ == "__main__":
    sys.exit(main())

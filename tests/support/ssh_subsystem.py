"""The remote half of the control channel as tests need it: a subsystem program that speaks the contract's JSON lines.

``python ssh_subsystem.py FOLDER``. Answers hello, refuse (says no), slow (never), push (sends the given report as an
event), garbage (sends an unreadable line first) and everything else with its own arguments. FOLDER/contract, when
there, holds the contract version to claim, FOLDER/task the task, FOLDER/report what a subscriber is told at once.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])


def send(**reply: object) -> None:
    base: dict[str, object] = {"id": 0, "ok": True, "result": {}, "error": "", "event": ""}
    sys.stdout.write(json.dumps({**base, **reply}) + "\n")
    sys.stdout.flush()


def main() -> None:
    claimed = FOLDER / "contract"
    version = int(claimed.read_text()) if claimed.exists() else 1
    task = (FOLDER / "task").read_text()
    for line in sys.stdin:
        request = json.loads(line)
        op, args, number = request["op"], request["args"], request["id"]
        sys.stderr.write("noise on the error output\n" * 2000)  # nobody may be stopped by it
        if op == "hello":
            send(id=number, result={"contract": version, "task": task})
        elif op == "subscribe" and (FOLDER / "report").exists():
            send(id=number, result=json.loads((FOLDER / "report").read_text()))
        elif op == "push":
            send(id=number)
            send(event="status", result=args["report"])
        elif op == "refuse":
            send(id=number, ok=False, error="The workspace is read-only.")
        elif op == "garbage":
            sys.stdout.write("this is no JSON\n")
            send(id=number)
        elif op != "slow":
            send(id=number, result=args)


main()

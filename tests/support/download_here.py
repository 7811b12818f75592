"""A download as a program of its own, to which a test can give its own disk: ``python -m ... SOURCE FOLDER [unasked]``.

"unasked": begins whatever the disk has free, as where somebody else takes that a moment later.
Standard input has the session as JSON, {"record", "key"}; the last line of the output is what came of it as JSON.
"""

import json
import sys
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.transfer import Progress
from desktop_app.domain.problems import AppError
from desktop_app.services.files.downloader import Downloader
from remote_bootstrap.contract import Record
from tests.support.transfers import files_with


def main(source: str, folder: Path) -> None:
    given = json.load(sys.stdin)
    files, session = files_with(Record.loads(given["record"]), given["key"])
    waited: list[str] = []

    def tell(now: Progress) -> None:
        if now.waiting:
            waited.append(now.waiting)

    told: dict[str, object] = {}
    try:
        done = files.download(session, [source], folder, tell, Cancel(60))
        told["skipped"] = [one.why for one in done.skipped]
    except AppError as error:
        told["problem"], told["text"] = error.problem.code, error.problem.detail
    there = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    print(json.dumps({**told, "waited": waited, "there": there}))


if __name__ == "__main__":
    if "unasked" in sys.argv[3:]:
        Downloader.require = lambda *_: None  # type: ignore[method-assign]  # stands for somebody else's files
    main(sys.argv[1], Path(sys.argv[2]))

"""``python storage.py upload LOCAL URL | download URL LOCAL | delete URL``: the clearml SDK's storage.

A program of its own, because the SDK takes hundreds of megabytes and seconds to load, prints, and repeats silently for
minutes; this one can be ended at any time. It knows every place that ClearML stores to (its file server, S3, Google,
Azure, folders). The last line on standard output is JSON: {"url", "size", "sha256"} or {"error"}.
"""

import hashlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

RETRIES = 3
BLOCK = 1 << 20


def upload(local: str, url: str) -> Dict[str, Any]:
    """Upload the file. Size and checksum are those of what the storage gives back afterwards."""
    from clearml.storage.manager import StorageManager  # slow: the SDK

    done = StorageManager.upload_file(local, url, wait_for_upload=True, retries=RETRIES)
    if not done:
        return {"error": "the upload was refused"}
    total, size = hashlib.sha256(), 0
    for block in _blocks(str(done)):
        total.update(block)
        size += len(block)
    return {"url": str(done), "size": size, "sha256": total.hexdigest()}


def download(url: str, local: str) -> Dict[str, Any]:
    total, size = hashlib.sha256(), 0
    with Path(local).open("wb") as stream:
        for block in _blocks(url):
            stream.write(block)
            total.update(block)
            size += len(block)
    return {"url": url, "size": size, "sha256": total.hexdigest()}


def delete(url: str) -> Dict[str, Any]:
    from clearml.storage.helper import StorageHelper  # slow: the SDK

    helper: Any = StorageHelper
    return {"url": url} if helper.get(url).delete(url) else {"error": "it could not be deleted"}


def _blocks(url: str) -> Iterator[bytes]:
    from clearml.storage.helper import StorageHelper  # slow: the SDK

    helper: Any = StorageHelper
    stream = helper.get(url).download_as_stream(url, chunk_size=BLOCK)
    if stream is None:
        raise OSError("it can't be read")
    yield from ([stream] if isinstance(stream, bytes) else stream)


def main(arguments: List[str]) -> int:
    command, rest = arguments[0], arguments[1:]
    actions: Dict[str, Callable[..., Dict[str, Any]]] = {
        "upload": upload,
        "download": download,
        "delete": delete,
    }
    try:
        answer = actions[command](*rest)
    except Exception as error:  # the boundary of a process: all that the SDK raises is an answer
        traceback.print_exc()
        answer = {"error": "%s: %s" % (type(error).__name__, str(error)[:300])}
    print("\n" + json.dumps(answer), flush=True)
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

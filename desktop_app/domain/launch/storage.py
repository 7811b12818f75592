"""What a session's Python needs to store artifacts where the file server is a bucket. Pure, any thread."""

import re
from collections.abc import Sequence

# The file server's scheme -> the library that the ClearML SDK stores with.
LIBRARIES = {
    "s3": "boto3>=1.9",
    "gs": "google-cloud-storage>=1.13.2",
    "azure": "azure-storage-blob>=12.0.0",
}


def storage_packages(files_url: str, listed: Sequence[str]) -> tuple[str, ...]:
    """Return the library for that file server, unless it is among the requirements already."""
    library = LIBRARIES.get(files_url.partition("://")[0].lower(), "")
    name = re.split(r"[<>=]", library)[0]
    named = {re.split(r"[\[<>=!~;@\s]", line.strip(), maxsplit=1)[0].lower().replace("_", "-") for line in listed}
    return () if not library or name in named else (library,)

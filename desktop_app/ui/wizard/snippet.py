"""Reading the credentials that ClearML's web page offers to copy. Pure functions."""

import re
from dataclasses import dataclass, field

_QUOTED = r"""["']?\s*[:=]\s*["']?([^"'\s,}]+)"""
_API = re.compile(r"(?:api_server|CLEARML_API_HOST)" + _QUOTED)
_ACCESS = re.compile(r"(?:access_key|CLEARML_API_ACCESS_KEY)" + _QUOTED)
_SECRET = re.compile(r"(?:secret_key|CLEARML_API_SECRET_KEY)" + _QUOTED)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was found; "" where something is missing."""

    api_url: str = ""
    access_key: str = ""
    secret: str = field(default="", repr=False)

    @property
    def found(self) -> bool:
        return bool(self.access_key and self.secret)


def parse(text: str) -> Credentials:
    """Both forms that the page offers: the ``api { … }`` block of clearml.conf and environment variables."""

    def first(pattern: re.Pattern[str]) -> str:
        match = pattern.search(text)
        return match.group(1) if match else ""

    return Credentials(first(_API), first(_ACCESS), first(_SECRET))


def check_address(text: str) -> str:
    """What is wrong with an API address, in words; "" = nothing."""
    if not text.strip():
        return "Enter the address of the API server, for example https://api.clear.ml."
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", text.strip()):
        return "An API address looks like https://api.clear.ml or http://10.0.0.5:8008."
    return ""

"""Where a ClearML server's API is, from what the user types or what a configuration file names. Pure functions.

ClearML has three addresses (web, API, files), told apart by the first label of the host name (app, api, files) or by
the port (8080, 8008, 8081). People copy the web page's.
"""

import re
from urllib.parse import SplitResult, urlsplit

HOSTED_API = "https://api.clear.ml"
API_PORT, WEB_PORT, FILES_PORT = 8008, 8080, 8081
# the first label of the host name: of the web page, of the API, of the file server
FAMILIES = (("app", "api", "files"), ("demoapp", "demoapi", "demofiles"))
LOOPBACKS = ("localhost", "127.0.0.1", "::1")
_LOGIN = re.compile(r"(^|//)[^/?#\s]*@")
_TYPED = re.compile(r"(?:https?://)?(?:[^\s/?#@:\[\]]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:/[^\s?#@]*)?(?:[?#]\S*)?")


def check_address(text: str) -> str:
    """Return what is wrong with a typed address, in words; "" = nothing."""
    text = text.strip()
    if not text:
        return "Enter the address of the API server, for example https://api.clear.ml."
    if not api_addresses(text):
        return "An API address looks like https://api.clear.ml or http://10.0.0.5:8008."
    return ""


def api_addresses(text: str) -> tuple[str, ...]:
    """Return where the API may be, the likeliest first, without trailing slash: one where that is clear, () for no
    address.

    "app.clear.ml", "https://app.clear.ml/settings" and "api.clear.ml" are https://api.clear.ml; a host without more may
    be http://host:8008 or a server behind a proxy.
    """
    text = text.strip().rstrip("/")
    if not _TYPED.fullmatch(text):
        return ()
    typed = urlsplit(text if "://" in text else f"//{text}")
    try:
        port = typed.port
    except ValueError:  # above 65535, or no number
        return ()
    return tuple(dict.fromkeys(_addresses(text, typed, port)))


def _addresses(text: str, typed: SplitResult, port: int | None) -> list[str]:
    host = f"[{typed.hostname}]" if ":" in (typed.hostname or "") else typed.hostname or ""
    family = api_name(host)
    if family and port is None:
        scheme = typed.scheme or "https"
        return [text] if typed.scheme and family == host and typed.path else [f"{scheme}://{family}"]
    schemes = (typed.scheme,) if typed.scheme else ("http", "https")
    if port in (WEB_PORT, FILES_PORT):
        return [f"{scheme}://{host}:{API_PORT}" for scheme in schemes]
    if port is not None or typed.path.strip("/"):
        address = text.rpartition("://")[2]
        return [f"{scheme}://{address}" for scheme in schemes]
    bare = [f"{scheme}://{host}:{API_PORT}" for scheme in schemes]
    if typed.scheme:
        return [text, *bare]
    return [*bare, f"https://{host}", *([f"https://api.{host}"] if _is_domain(host) else [])]


def without_password(text: str) -> str:
    """Return a typed address as it may be shown: a user name and password in front of the host are masked."""
    return _LOGIN.sub(r"\1•••@", text)


def api_name(host: str) -> str:
    """Return the API's host name next to that of the web page or file server, "" where the name does not tell."""
    first, dot, rest = host.partition(".")
    for family in FAMILIES:
        if dot and "." in rest and first in family:
            return f"{family[1]}.{rest}"
    return ""


def web_address(api_url: str) -> str:
    """Return the web page next to an API address, "" where the address does not tell."""
    found = urlsplit(api_url)
    host = found.hostname or ""
    first, _, rest = host.partition(".")
    for web, api, _files in FAMILIES:
        if first == api and "." in rest:
            return f"{found.scheme}://{web}.{rest}"
    if found.netloc.endswith(f":{API_PORT}"):
        return f"{found.scheme}://{found.netloc.removesuffix(str(API_PORT))}{WEB_PORT}"
    return ""


def place_of(api_url: str) -> str:
    """Return what is the same for every way to write a server's address: with http or https, in capitals, with the
    scheme's port, by any name of this computer itself."""
    found = urlsplit(api_url.strip() if "://" in api_url else f"//{api_url.strip()}")
    try:
        port = found.port
    except ValueError:  # above 65535, or no number
        return api_url.strip().lower()
    own = {"http": 80, "https": 443}.get(found.scheme)
    named = f":{port}" if port is not None and port != own else ""
    host = (found.hostname or "").rstrip(".")
    return f"{'localhost' if host in LOOPBACKS else host}{named}{found.path.rstrip('/')}"


def _is_domain(host: str) -> bool:
    return "." in host and not re.fullmatch(r"[0-9.]+|\[.*\]", host)

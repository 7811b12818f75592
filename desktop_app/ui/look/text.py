"""Server-made text on its way into the window: always plain, never markup. Pure functions, any thread."""

import html
import sys
from datetime import UTC, datetime

MOST = 4000  # characters of a tooltip


def tooltip(text: str) -> str:
    """Return a tooltip that is markup (else Qt guesses) and says exactly ``text``, wrapped where it is long."""
    return f"<qt>{html.escape(shortened(text, MOST))}</qt>" if text else ""


def menu_text(text: str, limit: int = 60) -> str:
    """Return a menu entry: one line, no mnemonics, not wider than a menu should be."""
    line = " ".join(text[:MOST].split())
    return shortened(line, limit).replace("&", "&&")


def tray_text(text: str, limit: int = 60) -> str:
    """Return a tray menu's entry. On Linux a panel draws it: ``_`` marks an access key, and Qt doesn't double it."""
    line = menu_text(text, limit)
    return line.replace("_", "__") if sys.platform.startswith("linux") else line


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def notification_body(text: str) -> str:
    """Return the text as notification servers on Linux read it: as markup."""
    return html.escape(text, quote=False)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return “just now”, “5 minutes ago”, “3 hours ago”, then the local date and time; "" for None."""
    if moment is None:
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return _count(int(seconds // 60), "minute") + " ago"
    if seconds < 86400:
        return _count(int(seconds // 3600), "hour") + " ago"
    return moment.astimezone().strftime("%d %b %Y, %H:%M")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def count(number: int, noun: str) -> str:
    """Return “1 session”, “3 sessions”."""
    return _count(number, noun)

"""Measuring text that others wrote: never more of it than could be shown. GUI thread.

What comes in is bounded already (adapters/clearml/bounds); a window must not stand still for what comes another way.
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics

MOST = 4096  # characters that fit into the widest screen


def elided(metrics: QFontMetrics, text: str, width: int) -> str:
    """As much of the line as fits into ``width`` pixels, with an ellipsis where that is not all."""
    return metrics.elidedText(text[: min(MOST, width) + 1], Qt.TextElideMode.ElideRight, width) if width > 0 else ""


def advance(metrics: QFontMetrics, text: str) -> int:
    """Return how wide the line is, in pixels."""
    return metrics.horizontalAdvance(text[:MOST])

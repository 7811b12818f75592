"""The window and the tray. The only package that imports PySide6.

PySide6 reads the source of every module that is imported after it, to find out whether that uses its optional features
(``from __feature__ import …``), and Python keeps what was read: 14 MB and a good part of a start. Nothing here uses
them, so that question is answered before it is asked (decision 0049; tests/test_start.py holds that it works).
"""

import sys

import PySide6.QtCore  # noqa: F401  brings the module below

QUESTION = "_mod_uses_pyside"


def _spare_the_sources() -> None:
    feature = sys.modules.get("shibokensupport.feature")
    if feature is not None and hasattr(feature, QUESTION):
        vars(feature)[QUESTION] = lambda _module: False


_spare_the_sources()

"""What was probably meant by a word that nothing is called. Pure, any thread."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the question whether one of them was meant, with a blank before it; "" when none is near. Case does not
    count."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), list(names), n=1, cutoff=0.6)
    return f" Did you mean {names[close[0]]}?" if close else ""

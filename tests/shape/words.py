"""Judges docstrings and names: does a docstring begin with a verb, does it name units and errors, is a result called
``found``?"""

import ast
import re
from collections import Counter
from pathlib import Path

from tests.shape.tree import Function, Module

# Verbs in the imperative that docstrings of ours begin with. A docstring whose verb is missing there counts as one
# without; ``python -m tests.shape --docstrings`` lists those, so that the file can be kept honest.
VERBS = frozenset((Path(__file__).parent / "verbs.txt").read_text("ascii").split())
# Verbs that are nouns where one of the first words follows ("Name of …", "Queue which …").
NOUN_FOLLOWED_BY = {"of", "is", "which"}
NOUNS_TOO = {
    "answer", "block", "bound", "call", "cache", "change", "copy", "count", "cover", "drop", "end", "exit",
    "field", "form", "guard", "group", "hash", "host", "label", "limit", "link", "list", "log", "map", "mark",
    "match", "measure", "mount", "name", "number", "open", "order", "place", "poll", "process", "queue",
    "record", "reply", "report", "request", "result", "return", "route", "run", "search", "set", "sign",
    "signal", "snapshot", "sort", "start", "state", "step", "stop", "store", "stream", "test", "trace",
    "track", "use", "watch",
}  # fmt: skip

UNITS = re.compile(r"\b(seconds?|milliseconds?|ms|minutes?|hours?|days?|bytes?|KB|MB|GB|KiB|MiB|pixels?|percent)\b")
ERRORS = re.compile(r"\b(Problems?:|Raises?\b|[A-Z]\w*Error\b)")
VAGUE_NAMES = ("found", "one", "now")


def begins_with_a_verb(docstring: str) -> bool:
    """True if the first word is a verb in the imperative, or the first two are "True if"."""
    words = re.findall(r"[\w'’-]+", docstring)[:2]
    if words == ["True", "if"]:
        return True
    first = words[0] if words else ""
    if not first[:1].isupper() or first.lower() not in VERBS:
        return False
    second = words[1] if len(words) > 1 else ""
    return not (first.lower() in NOUNS_TOO and second in NOUN_FOLLOWED_BY)


def docstrings(functions: list[Function]) -> list[tuple[Function, str]]:
    pairs = [(function, ast.get_docstring(function)) for function in functions]
    return [(function, text) for function, text in pairs if text]


def vague_names(modules: list[Module]) -> Counter[str]:
    """Return how often a value is stored under each of the vague names."""
    return Counter(
        node.id
        for module in modules
        for node in module.nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE_NAMES
    )


def is_annotated(function: Function) -> bool:
    """True if every parameter (but self and cls) and the result have a type; an ``__init__`` needs none for None."""
    given = function.args
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    named = [parameter for parameter in parameters if parameter and parameter.arg not in ("self", "cls")]
    has_result = function.returns is not None or (function.name == "__init__" and bool(named))
    return has_result and all(parameter.annotation for parameter in named)

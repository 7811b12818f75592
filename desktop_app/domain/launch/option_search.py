"""Finding a launch option by what a user calls it: its label, its help, its flag, its card. Pure, any thread."""

from desktop_app.domain.launch.option import Option
from desktop_app.domain.launch.options import options


def matching_options(query: str) -> tuple[str, ...]:
    """Return the fields of ``LaunchSpec`` that every word of ``query`` occurs in, those first whose label or flag says
    it."""
    words = [word.lstrip("-") or word for word in query.casefold().split()]
    hits = [name for name, option in options().items() if _has(words, _text(name, option))]
    return tuple(sorted(hits, key=lambda name: not _has(words, _names(name, options()[name]))))


def _has(words: list[str], text: str) -> bool:
    return all(word in text for word in words)


def _names(name: str, option: Option) -> str:
    """Return its names, also as users type a flag: with its dashes, with underscores, with blanks."""
    flags = (option.flag, *option.covers)
    return "\n".join((option.label, *flags, *(flag.lstrip("-").replace("-", " ") for flag in flags), name)).casefold()


def _text(name: str, option: Option) -> str:
    choices = (label for _value, label in option.choices)
    return "\n".join((_names(name, option), *(text.casefold() for text in (option.help, option.page.value, *choices))))

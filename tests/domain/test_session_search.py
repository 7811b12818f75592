"""Sessions are found by name, status, queue, agent, project, tag, task and account."""

from dataclasses import replace

import pytest

from desktop_app.domain.sessions.search import matching
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId, SessionSnapshot

FACTS = ServerFacts(Remote.QUEUED, "Größe", queue="a100", project="Vision", tags=("paper",))
FIRST = SessionSnapshot(SessionId("acme", "a" * 32), 1, FACTS)
SECOND = SessionSnapshot(SessionId("sandbox", "b" * 32), 1, replace(FACTS, name="other", worker="dgx:0", tags=()))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", (FIRST, SECOND)),
        ("größe", (FIRST,)),
        ("GRÖSSE", (FIRST,)),
        ("vision queued", (FIRST, SECOND)),
        ("vision dgx", (SECOND,)),
        ("paper", (FIRST,)),
        ("bbbb", (SECOND,)),
        ("acme.example", (FIRST,)),
        ("nothing", ()),
    ],
)
def test_every_word_has_to_occur_somewhere(query: str, found: tuple[SessionSnapshot, ...]) -> None:
    assert matching((FIRST, SECOND), query, {"acme": "acme.example"}) == found

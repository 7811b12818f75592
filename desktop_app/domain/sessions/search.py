"""Finding sessions in a long list by anything that the list says of them. Pure, any thread."""

from collections.abc import Iterable, Mapping

from desktop_app.domain.sessions.snapshot import SessionSnapshot, status_of


def matching(
    snapshots: Iterable[SessionSnapshot], query: str, accounts: Mapping[str, str] | None = None
) -> tuple[SessionSnapshot, ...]:
    """Return the sessions that every word of ``query`` occurs in; ``accounts``: account id -> its label."""
    words, labels = query.casefold().split(), accounts or {}
    return tuple(snapshot for snapshot in snapshots if all(word in _text(snapshot, labels) for word in words))


def _text(snapshot: SessionSnapshot, labels: Mapping[str, str]) -> str:
    facts = snapshot.facts
    parts = (snapshot.name, status_of(snapshot).value, facts.queue, facts.worker, facts.project, facts.owner,
             *facts.tags, snapshot.id.task, labels.get(snapshot.id.account, ""))  # fmt: skip
    return "\n".join(parts).casefold()

"""Deleting sessions that have ended: they are listed by name, and deleted if the user says so. Main thread; blocks."""

from desktop_app.cli.context.context import Context
from desktop_app.cli.terminal import questions
from desktop_app.cli.terminal.keyboard import on_terminal
from desktop_app.cli.terminal.output import result, say
from desktop_app.cli.terminal.tables import columns
from desktop_app.cli.views.sessions import finished_table
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.launch.options import CLEAN_ASK, CLEAN_YES, LaunchSpec
from desktop_app.domain.sessions.finished import FinishedSession


def clean_up_before(context: Context, account: Account, spec: LaunchSpec, *, asks: bool) -> None:
    """Do what option --session-cleanup says, before a launch. ``asks``: the user may be asked."""
    if spec.session_cleanup != CLEAN_YES and not (spec.session_cleanup == CLEAN_ASK and asks):
        return
    finished = context.core.cleanup.look(account.id, context.cancel())
    if finished and may_delete(context, finished, agreed=spec.session_cleanup == CLEAN_YES):
        delete(context, account, finished)


def may_delete(context: Context, finished: tuple[FinishedSession, ...], *, agreed: bool) -> bool:
    """List what would be deleted; return whether the user agrees (``agreed``: already did), asking where possible."""
    if not context.json:
        result(finished_table(finished, width=columns()))
    if agreed:
        return True
    if context.json or not on_terminal():
        say(
            "Nothing was deleted, since it takes a terminal to ask you first. To delete them: sessiondock cleanup --yes"
        )
        return False
    these = "this finished session" if len(finished) == 1 else f"these {len(finished)} finished sessions"
    agreed = questions.yes(f"Delete {these}?", default=False)
    if not agreed:
        say("Nothing was deleted.")
    return agreed


def delete(context: Context, account: Account, finished: tuple[FinishedSession, ...]) -> int:
    """Delete these sessions in ClearML; return how many were deleted."""
    deleted = context.core.cleanup.delete(account.id, [session.task for session in finished], context.cancel())
    if not context.json:
        say(f"Deleted {deleted} of {len(finished)}.")
    return deleted

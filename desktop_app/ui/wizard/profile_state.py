"""Which profile the form shows, and whether the form still says what was put into it. GUI thread; no widgets."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from desktop_app.domain.launch.options import LaunchSpec, defaults
from desktop_app.domain.launch.profile import values_of
from desktop_app.domain.launch.session_names import distinct_name, is_default
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.ui.forms.option_form import OptionForm


class ProfileState:
    """``current``: the chosen profile's name, "" = none. ``taken``: the names of an account's sessions."""

    def __init__(
        self, profiles: LaunchProfiles, form: OptionForm, taken: Callable[[str], Iterable[str]] = lambda _account: ()
    ) -> None:
        self._profiles = profiles
        self._taken = taken
        self.form = form
        self.current = ""
        self._account = ""
        self._follows = True  # another queue brings back what it saw last
        self._last = self._shown = defaults()

    def show_last(self, account: str, spec: LaunchSpec) -> None:
        self._account, self._last, self._follows = account, spec, True
        self.current = self._profiles.last_profile(account, spec.queue)
        self._show(spec)

    def show_again(self, account: str, spec: LaunchSpec) -> None:
        """Show an earlier launch, of no profile; another queue does not replace it."""
        self._account, self._last, self._follows = account, spec, False
        self.current = ""
        self._show(spec)

    def _show(self, spec: LaunchSpec) -> None:
        """Show the options; a name that the user did not choose as the launch would make it."""
        if is_default(spec.name):
            spec = replace(spec, name=distinct_name(spec.name, self._taken(self._account)))
        self.form.show_spec(spec)
        self._shown = self.form.spec()

    def apply(self, name: str) -> None:
        """Put the profile into the form ("" = the last launch); one without a queue leaves the queue alone."""
        self.current = name if name in self._profiles.names() else ""
        spec = self._profiles.get(name) if self.current else self._last
        self._show(spec if spec.queue else replace(spec, queue=self.form.spec().queue))

    @property
    def changed(self) -> bool:
        """True if the form says something else than the chosen profile."""
        if not self.current:
            return False
        kept, now = self._profiles.get(self.current), self.form.spec()
        return values_of(kept if kept.queue else replace(kept, queue=now.queue)) != values_of(now)

    def follow_queue(self) -> bool:
        """Show what the form's queue saw last; False where it saw nothing or the form holds changes."""
        now = self.form.spec()
        found = self._profiles.last_in(self._account, now.queue) if self._follows else None
        if found is None or values_of(replace(now, queue=self._shown.queue)) != values_of(self._shown):
            return False
        self.current = found[0]
        self._show(found[1])
        return True

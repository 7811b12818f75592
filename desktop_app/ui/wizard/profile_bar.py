"""The wizard's line about profiles: which one the form shows, and a menu that saves, renames and exchanges them.

GUI thread; files are written and read by jobs.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.launch.profile import Profile
from desktop_app.services.core import Core
from desktop_app.services.launching.launch_profiles import CLEARML_SESSION_STATE
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.dialogs.ask_name import AskName
from desktop_app.ui.dialogs.confirm import ask
from desktop_app.ui.forms.option_form import OptionForm
from desktop_app.ui.look.text import menu_text, shortened
from desktop_app.ui.look.theme import SPACE_S, SPACE_XS
from desktop_app.ui.widgets.basics import label
from desktop_app.ui.widgets.controls import ComboBox, MenuButton
from desktop_app.ui.wizard.profile_state import ProfileState
from desktop_app.ui.wizard.profile_work import ProfileWork

LAST = "No profile"
CLEARML_SESSION = "Import clearml-session's options"
FILES = "Profiles (*.json)"


class ProfileBar(QWidget):
    """``failed`` carries a Problem. ``current`` is the chosen profile's name, "" = none."""

    failed = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, form: OptionForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core, self._form = core, form
        self.work = ProfileWork(core.profiles, bridge, self)
        self.work.failed.connect(self.failed)
        self.work.chosen.connect(self._chosen)
        self.work.imported.connect(self._imported)
        self.work.exported.connect(lambda path: self._show_note(f"Exported to {path}. It holds no passwords."))
        self.work.clearml_session_found.connect(self._offer_clearml_session)
        self.state = ProfileState(core.profiles, form, self._taken)
        self.combo = ComboBox()
        self.combo.setAccessibleName("Profile")
        self.combo.setAccessibleIdentifier("profile")
        self.combo.activated.connect(lambda _index: self._apply())
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.button = MenuButton()
        self.button.show_text("Save and manage…")
        self.button.setAccessibleIdentifier("profile-menu")
        self.button.setMenu(self._menu)
        self._note = label(role="muted", wrap=True)
        self._note.setAccessibleIdentifier("profile-note")
        self._lay_out()
        form.edited.connect(self._show_note)

    def _lay_out(self) -> None:
        self.caption = label("Profile", "section")
        self.caption.setBuddy(self.combo)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self.caption)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        column.addLayout(row)
        column.addWidget(self._note)

    @property
    def current(self) -> str:
        return self.state.current

    # -- what is shown

    def _taken(self, account: str) -> list[str]:
        return [one.name for one in self._core.store.all() if one.id.account == account]

    def show_account(self, account: str) -> None:
        """Fill the form with this account's last launch, and name the profile that it came from."""
        self.state.show_last(account, self._core.launches.last_spec(account))
        self._fill()

    def show_again(self, account: str, spec: LaunchSpec) -> None:
        """Fill the form with an earlier launch."""
        self.state.show_again(account, spec)
        self._fill()

    def queue_picked(self) -> None:
        """Show what the chosen queue saw last, unless the form holds changes."""
        if self.state.follow_queue():
            self._fill()
        self._show_note()

    def _fill(self) -> None:
        self.combo.clear()
        self.combo.addItem(LAST, "")
        for name in self._core.profiles.names():
            self.combo.addItem(menu_text(name).replace("&&", "&"), name)
        self.combo.setCurrentIndex(max(0, self.combo.findData(self.current)))
        self.combo.setEnabled(self.combo.count() > 1)
        self._show_note()

    def _apply(self) -> None:
        self.state.apply(str(self.combo.currentData() or ""))
        self._show_note()

    def _show_note(self, text: str = "") -> None:
        changed = f"Differs from “{shortened(self.current, 40)}”. Launch it like this, or save it."
        text = text or (changed if self.state.changed else "")
        self._note.setText(text)
        self._note.setVisible(bool(text))

    # -- the menu

    def _fill_menu(self) -> None:
        self._menu.clear()
        name, menu = self.current, self._menu
        if name and self.state.changed:
            menu.addAction(f"Save “{menu_text(name, 40)}”", lambda: self.work.save(name, self._form.spec()))
        menu.addAction("Save as…", self._save_as)
        if name:
            menu.addAction("Rename…", self._rename)
            menu.addAction("Delete…", self._delete)
            menu.addSeparator()
            menu.addAction("Export…", self._export)
        else:
            menu.addSeparator()
        menu.addAction("Import…", self._import)
        self.work.look_for_clearml_session()

    def _offer_clearml_session(self) -> None:
        """Add what is found to the menu, which may be open by then."""
        if all(action.text() != CLEARML_SESSION for action in self._menu.actions()):
            self._menu.addAction(CLEARML_SESSION, lambda: self.work.import_file(Path(CLEARML_SESSION_STATE)))

    def _save_as(self) -> None:
        known = self._core.profiles.names()

        def hint(name: str) -> tuple[str, bool]:
            return ("Replaces the profile of that name." if name in known else "Passwords are not kept in it.", True)

        self._ask_name("Save as a profile", self.current, "Save", hint,
                       lambda name: self.work.save(name, self._form.spec()))  # fmt: skip

    def _rename(self) -> None:
        old, known = self.current, self._core.profiles.names()

        def hint(name: str) -> tuple[str, bool]:
            taken = name in known and name != old
            return ("There is a profile of that name already." if taken else "", not taken)

        self._ask_name("Rename the profile", old, "Rename", hint, lambda new: self.work.rename(old, new))

    def _ask_name(
        self, title: str, name: str, yes: str, hint: Callable[[str], tuple[str, bool]], then: Callable[[str], None]
    ) -> None:
        box = AskName(self.window(), title, name, yes, hint)
        box.accepted.connect(lambda: then(box.field.text))
        box.open()

    def _delete(self) -> None:
        name = self.current
        text = "The form stays as it is; sessions that were launched from it are not touched."
        ask(self.window(), f"Delete the profile “{shortened(name, 40)}”?", text, "Delete",
            lambda: self.work.delete(name), identifier="confirm-delete-profile")  # fmt: skip

    def _export(self) -> None:
        start = str(Path.home() / f"{self.current.replace('/', '-')}.json")
        path, _ = QFileDialog.getSaveFileName(self, "Export the profile", start, FILES)
        if path:
            self.work.export(self.current, Path(path))

    def _import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import a profile", str(Path.home()), FILES)
        if path:
            self.work.import_file(Path(path))

    # -- after the work

    def _imported(self, found: Profile) -> None:
        self.state.apply(found.name)
        self._fill()
        self._show_note(found.news)

    def _chosen(self, name: str) -> None:
        self.state.current = name
        self._fill()

"""The wizard's second page: on which account, and the form that the option table makes. GUI thread."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.domain.launch.options import options
from desktop_app.domain.sessions.again import Again
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.forms.field import CoreEditors
from desktop_app.ui.forms.file_editors import ScriptEditor
from desktop_app.ui.forms.option_form import OptionForm
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.look.text import menu_text
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S
from desktop_app.ui.widgets.basics import button, label
from desktop_app.ui.widgets.controls import ComboBox
from desktop_app.ui.wizard.profile_bar import ProfileBar

NO_DOCKER = "Not used in the sandbox, whose agent runs sessions without Docker."
PARTIAL = (
    "It was launched from another computer, so what is filled in is what its task says, which all members of the "
    "ClearML workspace can edit: look at the queue, the container and the init script before you launch."
)
ANEW = "enter it again, or leave this empty."
SANDBOX_NOTES = dict.fromkeys(("docker", "docker_args", "docker_network"), NO_DOCKER)


class LaunchPage(QWidget):
    """``other_account`` asks for the first page; ``switched``: the user chose another account; ``list_failed`` carries
    the Problem of the queue list, or None."""

    other_account = Signal()
    switched = Signal()
    list_failed = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core, self._bridge = core, bridge
        self._queues: list[QueueEditor] = []
        self._account = ComboBox()
        self._account.setAccessibleName("Account")
        self._account.setAccessibleIdentifier("launch-account")
        self._account.activated.connect(lambda _index: self._switched())
        self._head = QWidget()
        self._facts = label(role="muted", wrap=True)
        self._facts.setAccessibleIdentifier("launch-account-facts")
        self._again = label(role="note", wrap=True)
        self._again.setAccessibleIdentifier("again-note")
        self.form = OptionForm(CoreEditors(self._queue_editor, self._script_editor))
        self.form.narrowed.connect(lambda narrow: self._head.setVisible(not narrow))
        self.profile_bar = ProfileBar(core, bridge, self.form)
        self.profile_bar.failed.connect(self.list_failed)
        for editor in self._queues:
            editor.combo.activated.connect(lambda _index: self.profile_bar.queue_picked())
        self._lay_out()

    def _script_editor(self, name: str) -> ScriptEditor:
        return ScriptEditor(name, self._core.text_files, self._bridge)

    def _queue_editor(self) -> QueueEditor:
        editor = QueueEditor(self._core, self._bridge)
        editor.failed.connect(self.list_failed)
        self._queues.append(editor)
        return editor

    def _lay_out(self) -> None:
        caption = label("Account", "section")
        caption.setBuddy(self._account)
        other = button("Other account…", "", "launch-other-account")
        other.clicked.connect(lambda: self.other_account.emit())
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(caption)
        row.addWidget(self._account, 1)
        row.addWidget(other)
        even_out(caption, self.profile_bar.caption)
        even_out(other, self.profile_bar.button)
        head = QVBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(SPACE_M)
        head.addWidget(self._again)
        head.addLayout(row)
        head.addWidget(self._facts)
        head.addWidget(self.profile_bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        column.addWidget(self._head)
        column.addWidget(self.form)

    @property
    def account(self) -> str:
        return str(self._account.currentData() or "")

    def show_account(self, account: str) -> None:
        """Offer the known accounts, choose this one, and fill the form with its last launch."""
        self._account.clear()
        for known in self._core.accounts.all():
            self._account.addItem(menu_text(known.label, 80).replace("&&", "&"), known.id)
        self._account.setCurrentIndex(max(0, self._account.findData(account)))
        self._switch()

    def _switched(self) -> None:
        """Follow the user to another account."""
        self._switch()
        self.switched.emit()

    def _switch(self) -> None:
        known = next((one for one in self._core.accounts.all() if one.id == self.account), None)
        self._facts.setText(known.facts if known else "")
        self._facts.setVisible(bool(self._facts.text()))
        self.profile_bar.show_account(self.account)
        self._again.setVisible(False)
        self._show_notes({})
        self.reload()

    def show_again(self, again: Again) -> None:
        """Show the options of an earlier session, and what of them the user has to give anew."""
        self.profile_bar.show_again(self.account, again.spec)
        asks = dict.fromkeys(again.asks, f"The earlier session had one. It is not taken over: {ANEW}")
        self._show_notes(asks)
        for name in (*again.asks, *again.taken):  # to be looked at
            self.form.show_fold_of(name)
        secrets = " and ".join(options()[name].label for name in again.asks)
        left = ", ".join(options()[name].label for name in again.left)
        differs = ", ".join(options()[name].label for name, _ in again.differs)
        parts = (f"{secrets}: not taken over. Enter it below, or launch without." if secrets else "",
                 PARTIAL if again.partial else "",
                 f"Not taken over from a task: {left}." if left else "",
                 f"Its task in ClearML says something else by now: {differs}. Filled in is what this computer "
                 "launched it with." if differs else "")  # fmt: skip
        self._again.setText(" ".join(part for part in parts if part))
        self._again.setVisible(bool(self._again.text()))
        self.reload()

    def _show_notes(self, more: dict[str, str]) -> None:
        known = next((one for one in self._core.accounts.all() if one.id == self.account), None)
        self.form.show_notes({**(SANDBOX_NOTES if known is not None and known.sandbox else {}), **more})

    def reload(self) -> None:
        for editor in self._queues:
            editor.load(self.account)

    def focus_queue(self) -> None:
        self.form.focus("queue")


def even_out(*widgets: QWidget) -> None:
    """Make them equally wide, so that what stands beside them in their rows lines up."""
    for widget in widgets:
        widget.ensurePolished()
    width = max(widget.sizeHint().width() for widget in widgets)
    for widget in widgets:
        widget.setSizePolicy(QSizePolicy.Policy.Fixed, widget.sizePolicy().verticalPolicy())
        widget.setFixedWidth(width)

"""Files of the selected session: upload, browse, store the workspace, and the list of transfers. GUI thread.

The transfers run in ``core.transfers``; this card looks at them a few times a second while it can be seen.
"""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot, takes_files
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.dialogs.files import FilesDialog
from desktop_app.ui.look.theme import SPACE_S
from desktop_app.ui.widgets.basics import Card, button, label, retire
from desktop_app.ui.widgets.flow_layout import FlowLayout
from desktop_app.ui.windows.cards.transfer_row import TransferRow
from remote_bootstrap.contract import RESTORING

LOOK_MS = 250
HINT = "Drop files or folders here, or on a session in the list. They arrive in ~/session-files."


class FilesCard(Card):
    """Follows one session. ``said`` carries what the window's status line should tell."""

    said = Signal(str)

    def __init__(self, core: Core, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__("Files", parent)
        self._core, self._bridge = core, bridge
        self._session: SessionId | None = None
        self._name = ""
        self._usable = False
        self._storing: set[SessionId] = set()
        self._told: dict[SessionId, str] = {}  # what became of storing a session's workspace
        self._rows: dict[int, TransferRow] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._build()

    def _build(self) -> None:
        self._hint = label(HINT, "muted", wrap=True)
        self.body.addWidget(self._hint)
        flow = FlowLayout(spacing=SPACE_S)
        self._upload = button("Upload files…", "", "files-upload")
        self._upload.clicked.connect(self._choose_files)
        self._folder = button("Upload folder…", "", "files-upload-folder")
        self._folder.clicked.connect(self._choose_folder)
        self._browse = button("Browse and download…", "", "files-browse")
        self._browse.clicked.connect(self._open_browser)
        self._store = button("Store workspace now", "", "files-store")
        self._store.setToolTip("Make a snapshot of the workspace folder without waiting for the session's end")
        self._store.clicked.connect(self._store_workspace)
        for one in (self._upload, self._folder, self._browse, self._store):
            flow.addWidget(one)
        self.body.addLayout(flow)
        self._stored = label("", "muted", wrap=True)
        self._stored.setAccessibleIdentifier("files-stored")
        self.body.addWidget(self._stored)
        self._list = QWidget()
        column = QVBoxLayout(self._list)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.body.addWidget(self._list)

    # -- following

    def follow(self, snapshot: SessionSnapshot) -> None:
        self._session, self._name = snapshot.id, snapshot.name
        usable = self._usable = takes_files(snapshot)
        report = snapshot.facts.report
        self._store.setVisible(report is not None and RESTORING in report.seconds)
        for one in (self._upload, self._folder, self._browse):
            one.setEnabled(usable)
        self.setVisible(usable or bool(self._core.transfers.of(snapshot.id)))
        self._show_storing()
        self._look()

    def _show_storing(self) -> None:
        """Show the storing of the session that is shown; others may be storing theirs meanwhile."""
        session = self._session
        text = self._told.get(session, "") if session is not None else ""
        self._store.setEnabled(self._usable and session not in self._storing)
        self._stored.setText(text)
        self._stored.setVisible(bool(text))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _look(self) -> None:
        transfers = self._core.transfers.of(self._session) if self._session is not None else ()
        for number in self._rows.keys() - {one.number for one in transfers}:
            retire(self._rows.pop(number))
        layout = self._list.layout()
        assert isinstance(layout, QVBoxLayout)
        for at, one in enumerate(transfers):
            row = self._rows.get(one.number)
            if row is None:
                row = self._rows[one.number] = self._make(one.number)
            if layout.indexOf(row) != at:
                layout.insertWidget(at, row)
            row.follow(one)
        self._list.setVisible(bool(transfers))

    def _make(self, number: int) -> TransferRow:
        row = TransferRow(number)
        row.cancelled.connect(self._core.transfers.cancel)
        row.resumed.connect(self._core.transfers.resume)
        row.removed.connect(self._core.transfers.forget)
        return row

    # -- what the user asks for

    def upload(self, session: SessionId, name: str, paths: Sequence[Path]) -> None:
        """Upload these files; what is dropped comes here, too."""
        self._core.transfers.upload(session, paths)
        self.said.emit(f"Uploading to “{name}”.")
        self._look()

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Upload files to the session")
        self._upload_chosen([Path(name) for name in names])

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Upload a folder to the session")
        self._upload_chosen([Path(name)] if name else [])

    def _upload_chosen(self, paths: Sequence[Path]) -> None:
        if self._session is not None and paths:
            self.upload(self._session, self._name, paths)

    def _open_browser(self) -> None:
        if self._session is not None:
            FilesDialog(self._core, self._bridge, self._session, self._name, self.window()).open()

    def _store_workspace(self) -> None:
        session = self._session
        if session is None:
            return
        self._storing.add(session)
        self._told[session] = "Storing the workspace…"
        self._show_storing()

        def stored(outcome: Outcome) -> None:
            self._storing.discard(session)
            text = str(outcome.problem) if outcome.problem is not None else str(outcome.value or "")
            self._told[session] = text
            self._show_storing()
            self.said.emit(text)

        core = self._core
        self._bridge.submit(
            "store the workspace",
            lambda cancel: core.files.store_workspace(session, lambda _text: None, cancel),
            stored,
            self,
        )

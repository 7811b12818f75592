"""Browsing a session's folders: look, download, upload into the one that is shown. GUI thread."""

from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import readable, size_text
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from desktop_app.services.files.access import Listing
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import ElidedLabel, button, label, repolish
from desktop_app.ui.widgets.drop import dropped_paths

NAMES = {FileKind.FOLDER: "folder", FileKind.LINK: "link", FileKind.OTHER: "special"}
ENTRY = Qt.ItemDataRole.UserRole


class FilesDialog(QDialog):
    """One session's files; transfers go on in the details after it is closed."""

    def __init__(
        self, core: Core, bridge: Bridge, session: SessionId, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Files of “{name}”")
        self.setAccessibleIdentifier("files-dialog")
        fit_screen(self, 720, 520)
        self.setAcceptDrops(True)
        self._core, self._bridge, self._session = core, bridge, session
        self._folder = ""
        self._asked = 0
        self._build(name)
        self.show_folder("")

    def _build(self, name: str) -> None:
        self._path = QLineEdit()
        self._path.setAccessibleName("Folder")
        self._path.setAccessibleIdentifier("files-path")
        self._path.returnPressed.connect(lambda: self.show_folder(self._path.text().strip()))
        self._up = button("Up", "", "files-up")
        self._up.setShortcut(QKeySequence("Alt+Up"))
        self._up.setToolTip("The folder that holds this one (Alt+Up)")
        self._up.setEnabled(False)
        self._up.clicked.connect(lambda: self.show_folder(self._folder.rpartition("/")[0] or "/"))
        self._home = button("Home", "", "files-home")
        self._home.clicked.connect(lambda: self.show_folder("~"))
        bar = QHBoxLayout()
        bar.setSpacing(SPACE_S)
        for widget, stretch in ((self._path, 1), (self._up, 0), (self._home, 0)):
            bar.addWidget(widget, stretch)
        self._list = self._tree()
        self._hint = label("Looking into the session…", "muted", wrap=True)
        self._hint.setAccessibleIdentifier("files-dialog-hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(ElidedLabel(f"Files of “{name}”", "heading"))
        column.addLayout(bar)
        column.addWidget(self._list, 1)
        column.addWidget(self._hint)
        column.addLayout(self._foot())

    def _tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName("Files")
        tree.setAccessibleIdentifier("files-list")
        tree.setHeaderLabels(["Name", "Size", "Changed"])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for section in (1, 2):
            tree.header().setSectionResizeMode(section, QHeaderView.ResizeMode.ResizeToContents)
        tree.itemActivated.connect(self._activated)
        tree.itemSelectionChanged.connect(self._selection_changed)
        return tree

    def _foot(self) -> QHBoxLayout:
        self._download = button("Download…", "primary", "files-download")
        self._download.setEnabled(False)
        self._download.clicked.connect(self._choose_target)
        self._upload = button("Upload here…", "", "files-upload-here")
        self._upload.clicked.connect(self._choose_files)
        self._upload.setEnabled(False)  # until there is a folder to upload into
        close = button("Close", identifier="files-close")
        close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self._upload)
        row.addStretch()
        row.addWidget(close)
        row.addWidget(self._download)
        return row

    # -- looking

    def show_folder(self, folder: str) -> None:
        self._asked += 1
        asked = self._asked
        self._say("Looking into the session…")

        def looked(outcome: Outcome) -> None:
            if asked != self._asked:
                return
            if isinstance(outcome.value, Listing):
                self._show(outcome.value)
            elif outcome.problem is not None:
                self._say(str(outcome.problem), "error")

        core, session = self._core, self._session
        self._bridge.submit("list files", lambda cancel: core.files.browse(session, folder, cancel), looked, self)

    def _show(self, listing: Listing) -> None:
        self._folder = listing.folder
        self._path.setText(readable(listing.folder))
        self._up.setEnabled(listing.folder != "/")
        self._upload.setEnabled(True)
        self._list.clear()
        self._list.addTopLevelItems([_item(entry) for entry in listing.entries])
        self._say("" if listing.entries else "This folder is empty. Drop files here to upload them.")
        first = self._list.topLevelItem(0)
        if first is not None:
            self._list.setCurrentItem(first)
            self._list.setFocus()

    def _activated(self, item: QTreeWidgetItem, _column: int) -> None:
        entry = item.data(0, ENTRY)
        if entry.kind in (FileKind.FOLDER, FileKind.LINK):
            self.show_folder(self._path_of(entry))
        else:
            self._choose_target()

    def _path_of(self, entry: RemoteEntry) -> str:
        return f"{self._folder.rstrip('/')}/{entry.name}"

    def _selection_changed(self) -> None:
        self._download.setEnabled(bool(self._list.selectedItems()))

    # -- transfers

    def _choose_target(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Download into this folder")
        if folder:
            self.download(Path(folder))

    def download(self, to: Path) -> None:
        """Download what is selected into that folder."""
        chosen = [self._path_of(item.data(0, ENTRY)) for item in self._list.selectedItems()]
        if chosen:
            self._core.transfers.download(self._session, chosen, to)
            self._say("Downloading; the session's details show how far it is.")

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Upload files into this folder")
        self._upload_here([Path(name) for name in names])

    def _upload_here(self, paths: list[Path]) -> None:
        if paths and self._folder:
            self._core.transfers.upload(self._session, paths, self._folder)
            self._say("Uploading; the session's details show how far it is.")

    def _say(self, text: str, role: str = "muted") -> None:
        """Say something below the list; "" = nothing."""
        self._hint.setProperty("role", role)
        repolish(self._hint)
        self._hint.setText(text)
        self._hint.setVisible(bool(text))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._folder and dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self._upload_here(dropped_paths(event.mimeData()))


def _item(entry: RemoteEntry) -> QTreeWidgetItem:
    size = size_text(entry.size) if entry.kind is FileKind.FILE else NAMES.get(entry.kind, "")
    changed = datetime.fromtimestamp(entry.modified, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    item = QTreeWidgetItem([readable(entry.name), size, changed])
    item.setData(0, ENTRY, entry)
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item

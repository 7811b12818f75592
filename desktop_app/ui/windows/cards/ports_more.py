"""The other ways through a session's tunnel, below its ports: the SOCKS5 proxy and reverse forwards. GUI thread."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.domain.access.listening import Forward, Kind
from desktop_app.ui.look.theme import SPACE_M, SPACE_S
from desktop_app.ui.widgets.basics import button, label, retire
from desktop_app.ui.widgets.flow_layout import FlowLayout

PROXY_HELP = "A SOCKS5 proxy on this computer whose connections begin in the session, for browsers and tools."
REVERSE_HELP = "Let the session reach a port of this computer: a licence server, a debugger, a local proxy."


class PortsMore(QWidget):
    """Follows what is on. Signals ask for it: ``reversed`` carries the session's port and this computer's."""

    proxy = Signal()
    reversed = Signal(int, int)
    stopped = Signal(object)  # Forward

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on: dict[Forward, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, SPACE_S)
        column.setSpacing(SPACE_M)
        column.addLayout(self._proxy_row())
        column.addWidget(label(REVERSE_HELP, "muted", wrap=True))
        column.addLayout(self._reverse_row())
        self._list = QVBoxLayout()
        self._list.setSpacing(SPACE_S)
        column.addLayout(self._list)

    def _proxy_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(label(PROXY_HELP, "muted", wrap=True), 1)
        self._start = button("Start proxy", "", "ports-proxy")
        self._start.clicked.connect(self.proxy)
        row.addWidget(self._start)
        return row

    def _reverse_row(self) -> FlowLayout:
        flow = FlowLayout(spacing=SPACE_S)
        self._remote = _port_field("Port in the session", "reverse-remote")
        self._local = _port_field("Port on this computer", "reverse-local")
        self._add = button("Make reachable", "", "reverse-add")
        self._add.setEnabled(False)
        self._add.clicked.connect(self._ask)
        for field in (self._remote, self._local):
            field.textChanged.connect(self._check)
            field.returnPressed.connect(self._ask)
            flow.addWidget(field)
        flow.addWidget(self._add)
        return flow

    def _check(self) -> None:
        self._add.setEnabled(self._remote.hasAcceptableInput() and self._local.hasAcceptableInput())

    def _ask(self) -> None:
        if self._add.isEnabled():
            self.reversed.emit(int(self._remote.text()), int(self._local.text()))
            self._remote.clear()
            self._local.clear()

    def follow(self, others: tuple[Forward, ...]) -> None:
        self._start.setVisible(not any(one.kind is Kind.SOCKS for one in others))
        for gone in self._on.keys() - set(others):
            retire(self._on.pop(gone))
        for one in others:
            if one not in self._on:
                self._on[one] = self._row(one)
                self._list.addWidget(self._on[one])

    def _row(self, forward: Forward) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label(forward.text, wrap=True, selectable=True), 1)
        stop = button("Stop", "quiet", f"stop-{forward.key}")
        stop.setAccessibleName(f"Stop: {forward.text}")
        stop.clicked.connect(lambda: self.stopped.emit(forward))
        row.addWidget(stop)
        return made


def _port_field(name: str, identifier: str) -> QLineEdit:
    made = QLineEdit()
    made.setPlaceholderText(name)
    made.setAccessibleName(name)
    made.setAccessibleIdentifier(identifier)
    made.setValidator(QIntValidator(1, 65535, made))
    made.setFixedWidth(190)
    return made

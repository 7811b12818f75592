"""One listening port of a session in the details: what it is, where it is here, and what can be done. GUI thread."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.domain.access.listening import LOOPBACK
from desktop_app.services.ports.view import PortView
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.widgets.basics import ElidedLabel, button
from desktop_app.ui.widgets.split_row import SplitRow

WORDS = 34  # characters: “port 6006 · python bin/tensorboard”


def about(view: PortView) -> str:
    """Return which program it is, for users who know their processes."""
    program = (view.command or view.process) if view.listening else ""
    rule = "always forwarded" if view.always else ""
    return " · ".join(part for part in (f"port {view.port}", rule, program) if part)


class PortRow(SplitRow):
    """Follows one port. Signals carry the remote port (``always``: the service's key)."""

    opened = Signal(int)
    forwarded = Signal(int)
    stopped = Signal(int)
    always = Signal(str, bool)
    copied = Signal(str)

    def __init__(self, view: PortView, parent: QWidget | None = None) -> None:
        super().__init__(WORDS, parent=parent)
        self._view = view
        port = view.port
        self._name = ElidedLabel(view.label, "section")
        self._about = ElidedLabel(role="muted")
        self._about.setAccessibleIdentifier(f"port-about-{port}")
        self._where = button("", "link", f"port-address-{port}")
        self._where.clicked.connect(lambda: self.copied.emit(self._address()))
        self._open = button("Open", "", f"port-open-{port}")
        self._open.clicked.connect(lambda: self.opened.emit(port))
        self._forward = button("Forward", "", f"port-forward-{port}")
        self._forward.clicked.connect(lambda: self.forwarded.emit(port))
        self._stop = button("Stop", "quiet", f"port-stop-{port}")
        self._stop.clicked.connect(lambda: self.stopped.emit(port))
        self._always = self._rule()
        self._lay_out()

    def _rule(self) -> QAction:
        rule = QAction(self)
        rule.setObjectName(f"port-always-{self._view.port}")
        rule.setCheckable(True)
        rule.triggered.connect(lambda on: self.always.emit(self._view.service, on))
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.addAction(rule)
        self._more = button("…", "", f"port-more-{self._view.port}")
        self._more.setMinimumWidth(48)
        self._more.clicked.connect(lambda: menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft())))
        return rule

    def _lay_out(self) -> None:
        self.words.addStretch()
        self.words.addWidget(self._name)
        self.words.addWidget(self._about)
        self.words.addStretch()
        for widget in (self._where, self._open, self._forward, self._stop, self._more):
            self.tail.addWidget(widget)

    def _address(self) -> str:
        return f"{LOOPBACK}:{self._view.local_port}"

    def follow(self, view: PortView, *, up: bool, busy: bool) -> None:
        """``up``: connected; ``busy``: something about this port is under way."""
        self._view = view
        here, what = bool(view.local_port), f"{view.label}, port {view.port}"
        self._name.setText(view.label)
        self._about.setText(about(view))
        self._where.setText(self._address())
        self._where.setVisible(here)
        self._where.setAccessibleName(f"{self._address()}, copy the local address of {what}")
        self._where.setToolTip(tooltip(f"Copy {self._address()}"))
        self._open.setVisible(view.web and view.listening)
        self._forward.setVisible(not here)
        self._stop.setVisible(here)
        for one, verb in ((self._open, "Open"), (self._forward, "Forward"), (self._stop, "Stop forwarding")):
            one.setAccessibleName(f"{verb} {what}")
            one.setEnabled(up and not busy)
        self._stop.setEnabled(not busy)
        self._open.setToolTip(tooltip(f"Open {view.label} in the browser"))
        self._forward.setToolTip(tooltip(f"Make port {view.port} of the session reachable on this computer"))
        self._more.setVisible(bool(view.service))
        self._more.setAccessibleName(f"More for {what}")
        self._always.setText(f"Always forward {view.label}")
        self._always.setChecked(view.always)
        self.arrange()

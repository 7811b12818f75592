"""The embedded default: a small ClearML-compatible server and the real clearml-agent, both on this computer only.

``launch`` is what the rest of the program calls. The rest of this package runs in a process of its own
(``python -m desktop_app.sandbox serve``), which outlives the window while a session runs.
"""

"""The parts of ``boundary.server`` in terms of ClearML API calls. Any thread."""

"""The ClearML task: its settings, its report, its log."""

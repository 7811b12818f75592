"""Documents of the ClearML API, read and written. Pure functions."""

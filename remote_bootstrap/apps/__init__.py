"""The work of each application: one file per application, listed in table.py; its data is in contract/apps.py."""

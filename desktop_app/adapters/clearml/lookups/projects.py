"""Projects by their names. Any thread."""

import re

from desktop_app.adapters.clearml.lookups.pages import every_page
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.launch.option_checks import project_path
from desktop_app.domain.problems import AppError


class Projects:
    """Finds a project's id, and makes the project where there is none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def id_of(self, name: str, cancel: Cancel) -> str:
        """Return the id of a project that is made if there is none. Problems: server.*

        The server knows it by its tidied name, whatever was typed.
        """
        name = project_path(name)
        return self.named(name, cancel) or self.make(name, cancel)

    def named(self, name: str, cancel: Cancel) -> str:
        """Return the id of the project with exactly this name; "" if there is none. Problems: server.*"""
        body = {"name": f"^{re.escape(name)}$", "only_fields": ["id", "name"], "search_hidden": True}
        rows = every_page(self._connection, "projects.get_all", body, "projects", cancel)
        return next((str(row["id"]) for row in rows if row.get("name") == name), "")

    def make(self, name: str, cancel: Cancel) -> str:
        """Make a project and return its id. Problems: server.*"""
        try:
            return str(self._connection.call("projects.create", {"name": name, "description": ""}, cancel)["id"])
        except AppError:
            project = self.named(name, cancel)  # another user may have made it at the same moment
            if project:
                return project
            raise

"""Teams and their issues."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from tests.servers.composio.toolkits.base import (
    API_KEY,
    CREATES,
    READS,
    UPDATES,
    Arguments,
    Toolkit,
    found,
    number,
    text,
    tool,
)

_ID = {"pattern": "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"}
_STATES = ["backlog", "todo", "in_progress", "done", "canceled"]
_TEAM = str(UUID(int=1, version=4))


class Linear:
    """One team and its issues."""

    toolkit: ClassVar[Toolkit] = Toolkit(
        "linear", "Linear", "Issue tracking.", "developer tools", schemes=(API_KEY,)
    )

    def __init__(self) -> None:
        self.teams = {_TEAM: {"id": _TEAM, "name": "Web", "key": "WEB"}}
        self.issues: dict[str, dict[str, Any]] = {}

    @tool("LINEAR_LIST_LINEAR_TEAMS", "List Teams", READS)
    def list_teams(self, given: Arguments) -> dict[str, Any]:  # noqa: ARG002 - takes nothing
        """List the teams with their ids."""
        return {"teams": list(self.teams.values())}

    @tool(
        "LINEAR_LIST_LINEAR_ISSUES",
        "List Issues",
        READS,
        optional={"first": number("How many at most.", minimum=1, maximum=250, default=10)},
    )
    def list_issues(self, given: Arguments) -> dict[str, Any]:
        """List the newest issues."""
        return {"issues": list(reversed(self.issues.values()))[: given["first"]]}

    @tool(
        "LINEAR_CREATE_LINEAR_ISSUE",
        "Create Issue",
        (*CREATES, "important"),
        required={
            "team_id": text("Id of the team, a UUID; not its name.", **_ID),
            "title": text("Title of the issue."),
        },
        optional={
            "description": text("Text of the issue.", default=""),
            "priority": {
                "type": "integer",
                "enum": [0, 1, 2, 3, 4],
                "default": 0,
                "description": "0 none, 1 urgent, 2 high, 3 normal, 4 low.",
            },
        },
    )
    def create_issue(self, given: Arguments) -> dict[str, Any]:
        """Open an issue in a team."""
        found(self.teams, given["team_id"], "team")
        identity = str(UUID(int=100 + len(self.issues), version=4))
        name = f"WEB-{len(self.issues) + 1}"
        self.issues[identity] = {"id": identity, "identifier": name, "state": "backlog", **given}
        return self.issues[identity]

    @tool(
        "LINEAR_UPDATE_ISSUE",
        "Update Issue",
        UPDATES,
        required={"issue_id": text("Id of the issue, a UUID.", **_ID)},
        optional={"title": text("New title."), "state": text("New state.", enum=_STATES)},
    )
    def update_issue(self, given: Arguments) -> dict[str, Any]:
        """Change the title or the state of an issue."""
        issue = found(self.issues, given["issue_id"], "issue")
        issue.update({name: value for name, value in given.items() if name != "issue_id"})
        return issue

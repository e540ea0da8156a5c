"""Repositories and their issues."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.composio.toolkits.base import (
    CREATES,
    READS,
    UPDATES,
    Arguments,
    ToolFailure,
    Toolkit,
    number,
    text,
    texts,
    tool,
)

LOOKS = (*READS, "openWorldHint")
"""As Composio really tags GitHub's tools, and nearly nine in ten of all that read."""

_REPOSITORY = {
    "owner": text("Who the repository belongs to, e.g. octo-org."),
    "repo": text("Name of the repository, without its owner."),
}
_ISSUE = {**_REPOSITORY, "issue_number": number("Number of the issue.", minimum=1)}
_SEED = (
    ("Checkout button does nothing on Safari", "bug", "2026-08-14T09:12:00Z", "Steps: open cart, click pay."),
    ("Add dark mode", "enhancement", "2026-08-15T10:00:00Z", "Many of us work at night."),
    ("Login loops after password reset", "bug", "2026-08-16T16:40:00Z", "Reset, then sign in: sent back."),
)


class GitHub:
    """What one account sees: the repository acme/web and its issues."""

    toolkit: ClassVar[Toolkit] = Toolkit("github", "GitHub", "Code hosting: issues.", "developer tools")

    def __init__(self) -> None:
        self.repositories: dict[str, list[dict[str, Any]]] = {"acme/web": []}
        for title, label, created, body in _SEED:
            self._open("acme/web", title, body, [label], created)

    def _open(
        self, repository: str, title: str, body: str, labels: list[str], created: str
    ) -> dict[str, Any]:
        issues = self.repositories[repository]
        issue = {
            "number": len(issues) + 1,
            "title": title,
            "body": body,
            "state": "open",
            "labels": [{"name": label} for label in labels],
            "created_at": created,
            "html_url": f"https://github.com/{repository}/issues/{len(issues) + 1}",
            "comments": [],
        }
        issues.append(issue)
        return issue

    def _issues(self, given: Arguments) -> list[dict[str, Any]]:
        name = f"{given['owner']}/{given['repo']}"
        if name not in self.repositories:
            raise ToolFailure(f"404 Client Error: Not Found for repository {name}")
        return self.repositories[name]

    def _issue(self, given: Arguments) -> dict[str, Any]:
        issues = self._issues(given)
        if given["issue_number"] > len(issues):
            raise ToolFailure(f"404 Client Error: Not Found for issue {given['issue_number']}")
        return issues[given["issue_number"] - 1]

    @tool("GITHUB_LIST_REPOSITORIES_FOR_THE_AUTHENTICATED_USER", "List My Repositories", LOOKS)
    def list_repositories(self, given: Arguments) -> dict[str, Any]:  # noqa: ARG002 - takes nothing
        """List the repositories the connected person can see."""
        return {"repositories": [{"full_name": name} for name in self.repositories]}

    @tool(
        "GITHUB_LIST_REPOSITORY_ISSUES",
        "List Repository Issues",
        (*LOOKS, "important"),
        required=_REPOSITORY,
        optional={
            "state": text("Which issues to list.", enum=["open", "closed", "all"], default="open"),
            "labels": text("Only issues with this label.", default=""),
            "sort": text("What to sort by.", enum=["created", "updated", "comments"], default="created"),
            "direction": text("Order of the list.", enum=["asc", "desc"], default="desc"),
            "per_page": number("How many at most.", minimum=1, maximum=100, default=30),
        },
    )
    def list_issues(self, given: Arguments) -> dict[str, Any]:
        """List the issues of a repository, by default the open ones, the newest first."""
        wanted = [
            issue
            for issue in self._issues(given)
            if given["state"] in ("all", issue["state"])
            and (not given["labels"] or {"name": given["labels"]} in issue["labels"])
        ]
        wanted.sort(key=lambda issue: issue["created_at"], reverse=given["direction"] == "desc")
        return {"issues": wanted[: given["per_page"]]}

    @tool("GITHUB_GET_AN_ISSUE", "Get An Issue", LOOKS, required=_ISSUE)
    def get_issue(self, given: Arguments) -> dict[str, Any]:
        """Read one issue of a repository."""
        return self._issue(given)

    @tool(
        "GITHUB_CREATE_AN_ISSUE",
        "Create An Issue",
        (*CREATES, "important"),
        required={**_REPOSITORY, "title": text("Title of the issue.")},
        optional={"body": text("Text of the issue.", default=""), "labels": texts("Labels.", default=[])},
    )
    def create_issue(self, given: Arguments) -> dict[str, Any]:
        """Open an issue in a repository."""
        self._issues(given)
        name = f"{given['owner']}/{given['repo']}"
        return self._open(name, given["title"], given["body"], given["labels"], "2026-08-20T12:00:00Z")

    @tool(
        "GITHUB_CREATE_AN_ISSUE_COMMENT",
        "Create An Issue Comment",
        CREATES,
        required={**_ISSUE, "body": text("Text of the comment.")},
    )
    def comment(self, given: Arguments) -> dict[str, Any]:
        """Add a comment to an issue."""
        comments = self._issue(given)["comments"]
        comments.append(given["body"])
        return {"id": len(comments), "body": given["body"]}

    @tool(
        "GITHUB_UPDATE_AN_ISSUE",
        "Update An Issue",
        UPDATES,
        required=_ISSUE,
        optional={
            "title": text("New title."),
            "state": text("Open or close it.", enum=["open", "closed"]),
        },
    )
    def update_issue(self, given: Arguments) -> dict[str, Any]:
        """Change the title of an issue, or open or close it."""
        issue = self._issue(given)
        issue.update({name: given[name] for name in ("title", "state") if name in given})
        return issue

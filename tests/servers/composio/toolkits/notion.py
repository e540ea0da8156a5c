"""Pages of a workspace."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from tests.servers.composio.toolkits.base import (
    API_KEY,
    CREATES,
    DELETES,
    OAUTH,
    READS,
    Arguments,
    Toolkit,
    found,
    number,
    text,
    tool,
)

_PAGE = text("Id of the page, a UUID.", pattern="^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")


class Notion:
    """The pages one account can edit."""

    toolkit: ClassVar[Toolkit] = Toolkit("notion", "Notion", "Pages and notes.", schemes=(OAUTH, API_KEY))

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any]] = {}
        self._add("Team handbook", None)

    def _add(self, title: str, parent: str | None) -> dict[str, Any]:
        identity = str(UUID(int=len(self.pages) + 1, version=4))
        self.pages[identity] = {
            "id": identity,
            "title": title,
            "parent_id": parent,
            "archived": False,
            "blocks": [],
        }
        return self.pages[identity]

    @tool(
        "NOTION_SEARCH_NOTION_PAGE",
        "Search Pages",
        (*READS, "important"),
        optional={
            "query": text("Words in the title.", default=""),
            "page_size": number("How many at most.", minimum=1, maximum=100, default=10),
        },
    )
    def search(self, given: Arguments) -> dict[str, Any]:
        """Find pages by their title."""
        pages = [each for each in self.pages.values() if given["query"].lower() in each["title"].lower()]
        return {"results": pages[: given["page_size"]]}

    @tool(
        "NOTION_CREATE_NOTION_PAGE",
        "Create Page",
        (*CREATES, "important"),
        required={"parent_id": _PAGE, "title": text("Title of the new page.")},
    )
    def create_page(self, given: Arguments) -> dict[str, Any]:
        """Make an empty page below another page."""
        found(self.pages, given["parent_id"], "page")
        return self._add(given["title"], given["parent_id"])

    @tool(
        "NOTION_ADD_PAGE_CONTENT",
        "Add Page Content",
        CREATES,
        required={
            "parent_block_id": _PAGE,
            "content_block": {
                "type": "object",
                "description": "What to add to the end of the page.",
                "properties": {
                    "content": text("The text."),
                    "block_property": text(
                        "Kind of block.", enum=["paragraph", "heading_1", "to_do"], default="paragraph"
                    ),
                },
                "required": ["content"],
            },
        },
    )
    def add_content(self, given: Arguments) -> dict[str, Any]:
        """Add a paragraph, heading or to-do to a page."""
        page = found(self.pages, given["parent_block_id"], "page")
        page["blocks"].append(dict(given["content_block"]))
        return page

    @tool("NOTION_ARCHIVE_NOTION_PAGE", "Archive Page", DELETES, required={"page_id": _PAGE})
    def archive(self, given: Arguments) -> dict[str, Any]:
        """Move a page to the trash."""
        page = found(self.pages, given["page_id"], "page")
        page["archived"] = True
        return page

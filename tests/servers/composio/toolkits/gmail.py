"""A mailbox."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.composio.toolkits.base import (
    CREATES,
    DELETES,
    LATEST,
    READS,
    Arguments,
    Toolkit,
    flag,
    found,
    number,
    text,
    texts,
    tool,
)

_ADDRESS = {"pattern": "^[^@\\s]+@[^@\\s]+$"}
_HTML = flag("Whether the body is HTML.", default=False)


class Gmail:
    """The messages, drafts and sent mail of one account."""

    toolkit: ClassVar[Toolkit] = Toolkit("gmail", "Gmail", "Mail: read, write and tidy up.", "email")

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.drafts: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self._receive("Ana Ruiz <ana@example.com>", "Offsite agenda", "Draft agenda attached, thoughts?")
        self._receive("Billing <billing@vendor.example>", "Invoice 4711", "Your invoice over EUR 120 is due.")

    def _receive(self, sender: str, subject: str, body: str) -> None:
        identity = f"19a{len(self.messages):013x}"
        self.messages[identity] = {
            "messageId": identity,
            "threadId": identity,
            "sender": sender,
            "subject": subject,
            "messageText": body,
            "labelIds": ["INBOX", "UNREAD"],
        }

    @tool(
        "GMAIL_SEND_EMAIL",
        "Send Email",
        (*CREATES, "important"),
        required={
            "recipient_email": text("Address of the person it goes to.", **_ADDRESS),
            "body": text("What the mail says."),
        },
        optional={
            "subject": text("Subject line.", default=""),
            "cc": texts("Addresses that get a copy.", default=[]),
            "bcc": texts("Addresses that get a hidden copy.", default=[]),
            "is_html": _HTML,
        },
    )
    def send_email(self, given: Arguments) -> dict[str, Any]:
        """Send a mail from the connected mailbox at once."""
        identity = f"19b{len(self.sent):013x}"
        self.sent.append({"id": identity, **given})
        return {"id": identity, "threadId": identity, "labelIds": ["SENT"]}

    @tool(
        "GMAIL_FETCH_EMAILS",
        "Fetch Emails",
        (*READS, "important"),
        optional={
            "query": text("Words to look for in sender, subject and text.", default=""),
            "max_results": number("How many at most.", default=1, minimum=1, maximum=500),
        },
    )
    def fetch_emails(self, given: Arguments) -> dict[str, Any]:
        """List mails of the mailbox, the newest first, optionally only those that match a query."""
        matching = [each for each in reversed(self.messages.values()) if _matches(each, given["query"])]
        return {"messages": matching[: given["max_results"]], "resultSizeEstimate": len(matching)}

    @tool(
        "GMAIL_FETCH_MESSAGE_BY_MESSAGE_ID",
        "Fetch Message By Id",
        READS,
        required={"message_id": text("Id of the message, 16 hexadecimal digits.", pattern="^[0-9a-f]{16}$")},
    )
    def fetch_message(self, given: Arguments) -> dict[str, Any]:
        """Read one mail in full."""
        return found(self.messages, given["message_id"], "message")

    @tool(
        "GMAIL_CREATE_EMAIL_DRAFT",
        "Create Email Draft",
        ("createHint",),
        required={"recipient_email": text("Address of the person.", **_ADDRESS), "body": text("The text.")},
        optional={"subject": text("Subject line.", default=""), "is_html": _HTML},
        since=LATEST,
    )
    def create_draft(self, given: Arguments) -> dict[str, Any]:
        """Save a mail as a draft without sending it."""
        self.drafts.append({"id": f"r{len(self.drafts) + 1}", **given})
        return {"id": self.drafts[-1]["id"]}

    @tool(
        "GMAIL_MOVE_TO_TRASH",
        "Move To Trash",
        DELETES,
        required={"message_id": text("Id of the message, 16 hexadecimal digits.", pattern="^[0-9a-f]{16}$")},
    )
    def move_to_trash(self, given: Arguments) -> dict[str, Any]:
        """Put one mail into the trash."""
        message = found(self.messages, given["message_id"], "message")
        message["labelIds"] = ["TRASH"]
        return message


def _matches(message: dict[str, Any], query: str) -> bool:
    words = query.lower().split()
    written = f"{message['sender']} {message['subject']} {message['messageText']}".lower()
    return all(word in written for word in words)

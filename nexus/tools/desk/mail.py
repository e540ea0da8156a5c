"""The desk's mail: an inbox to read, drafts, and an outbox of real `.eml` files."""

from __future__ import annotations

from collections.abc import Sequence
from email.headerregistry import Address
from typing import Annotated

from pydantic import Field

from nexus.errors import NotFound
from nexus.ports.tools import ToolResult
from nexus.tools.desk.addresses import AddressList, NamedAddresses, OptionalAddressList, checked_addresses
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.letters import Letter, read_letter, write_letter
from nexus.tools.desk.optional import OptionalText
from nexus.tools.desk.shelf import Shelf
from nexus.tools.desk.text import best_matches, checked_line, checked_text, shown_text
from nexus.tools.desk.times import LocalTime, shown_moment
from nexus.tools.local import tool

Cc = Annotated[OptionalAddressList, Field(description="Addresses that get a copy; usually left out")]
Subject = Annotated[str, Field(description="Subject line, e.g. Design review moved")]
Body = Annotated[str, Field(description="The whole text of the e-mail, from greeting to closing")]
ReplyTo = Annotated[
    OptionalText, Field(description="Id of the e-mail this answers, e.g. mail-3; only for replies")
]
Limit = Annotated[int, Field(ge=1, le=50, description="How many at most, newest first")]


class Mail:
    """E-mails in `mail/inbox`, `mail/drafts` and `mail/outbox`."""

    def __init__(self, folder: Folder, time: LocalTime, owner: Address, known: NamedAddresses) -> None:
        self._time = time
        self._owner = owner
        self._known = known
        self.inbox = Shelf(folder, place="mail/inbox", prefix="mail", suffix=".eml", noun="e-mail")
        self._drafts = Shelf(folder, place="mail/drafts", prefix="draft", suffix=".eml", noun="draft")
        self._outbox = Shelf(folder, place="mail/outbox", prefix="sent", suffix=".eml", noun="sent e-mail")

    @tool(title="List e-mails", hints=["readOnlyHint"], shows_others=True)
    def list_emails(self, limit: Limit = 10) -> str:
        """List the newest e-mails in the inbox: id, date, sender and subject."""
        return self._table(self._letters(self.inbox), limit, "The inbox is empty.")

    @tool(title="Search e-mails", hints=["readOnlyHint"], shows_others=True)
    def search_emails(
        self,
        query: Annotated[str, Field(description="Words to look for, e.g. bug report")],
        limit: Limit = 10,
    ) -> str:
        """Find e-mails in the inbox by words in the subject, sender or text."""
        found = best_matches(
            checked_line("query", query),
            self._letters(self.inbox),
            lambda pair: f"{pair[1].subject} {pair[1].sender} {pair[1].text}",
        )
        return self._table(found, limit, f"No e-mail in the inbox mentions {query!r}.")

    @tool(title="Read an e-mail", hints=["readOnlyHint"], shows_others=True)
    def read_email(
        self, email_id: Annotated[str, Field(description="Id of the e-mail, e.g. mail-3, sent-1 or draft-1")]
    ) -> str:
        """Read the full text of one e-mail by its id."""
        shelf = self._shelf_of(email_id)
        found = shelf.find("email_id", email_id)
        letter = read_letter(shelf.read(found))
        lines = [f"Id: {found}", f"From: {letter.sender}", f"To: {letter.to}"]
        lines += [f"Cc: {letter.cc}"] if letter.cc else []
        lines += [f"Date: {shown_moment(self._time.local(letter.date))}", f"Subject: {letter.subject}"]
        lines += [f"Attachments: {', '.join(letter.attachments)}"] if letter.attachments else []
        return "\n".join([*lines, "", shown_text(letter.text) or "(no text)"])

    @tool(title="List sent e-mails", hints=["readOnlyHint"])
    def list_sent_emails(self, limit: Limit = 10) -> str:
        """List the e-mails that were sent: id, date, recipients and subject."""
        return self._table(self._letters(self._outbox), limit, "Nothing was sent yet.", sent=True)

    @tool(title="Draft an e-mail", hints=["createHint"])
    def draft_email(
        self, to: AddressList, subject: Subject, body: Body, cc: Cc = None, in_reply_to: ReplyTo = None
    ) -> ToolResult:
        """Save an e-mail as a draft without sending it."""
        draft_id = self._put(self._drafts, to=to, subject=subject, body=body, cc=cc, in_reply_to=in_reply_to)
        text = f"Saved the draft {draft_id}: {subject.strip()!r} to {', '.join(to)}. It was not sent."
        return ToolResult(text, reference=self._drafts.path_of(draft_id))

    @tool(title="Send an e-mail", hints=["createHint", "openWorldHint"])
    def send_email(
        self, to: AddressList, subject: Subject, body: Body, cc: Cc = None, in_reply_to: ReplyTo = None
    ) -> ToolResult:
        """Send an e-mail to one or more e-mail addresses."""
        sent_id = self._put(self._outbox, to=to, subject=subject, body=body, cc=cc, in_reply_to=in_reply_to)
        text = f"Sent {sent_id}: {subject.strip()!r} to {', '.join(to)}."
        return ToolResult(text, reference=self._outbox.path_of(sent_id))

    def _put(
        self,
        shelf: Shelf,
        *,
        to: Sequence[str],
        subject: str,
        body: str,
        cc: Sequence[str] | None,
        in_reply_to: str | None,
    ) -> str:
        content = write_letter(
            sender=self._owner,
            to=checked_addresses("to", to, self._known),
            cc=checked_addresses("cc", cc, self._known) if cc else (),
            subject=checked_line("subject", subject),
            body=checked_text("body", body),
            date=self._time.now(),
            in_reply_to=self._message_id_of(in_reply_to) if in_reply_to else None,
            is_draft=shelf is self._drafts,
        )
        return shelf.add(lambda _: content)

    def _message_id_of(self, email_id: str) -> str | None:
        try:
            shelf = self._shelf_of(email_id)
            return read_letter(shelf.read(shelf.find("in_reply_to", email_id))).message_id
        except NotFound as error:
            raise NotFound(
                f"in_reply_to: {error.message}", remedy="Leave it out if this is no reply."
            ) from error

    def _shelf_of(self, email_id: str) -> Shelf:
        kind = email_id.strip().casefold()
        if kind.startswith("sent"):
            return self._outbox
        return self._drafts if kind.startswith("draft") else self.inbox

    def _letters(self, shelf: Shelf) -> list[tuple[str, Letter]]:
        letters = [(email_id, read_letter(shelf.read(email_id))) for email_id in reversed(shelf.ids())]
        return sorted(letters, key=lambda pair: pair[1].date, reverse=True)

    def _table(
        self, letters: Sequence[tuple[str, Letter]], limit: int, empty: str, *, sent: bool = False
    ) -> str:
        lines = [
            " | ".join(
                (
                    email_id,
                    shown_moment(self._time.local(letter.date)),
                    f"to {letter.to}" if sent else letter.sender,
                    letter.subject,
                )
            )
            for email_id, letter in letters[:limit]
        ]
        rest = len(letters) - limit
        return "\n".join([*lines, f"({rest} more)"] if rest > 0 else lines) or empty

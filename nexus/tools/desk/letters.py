"""E-mail files: real RFC 5322 messages written, and whatever arrives read without trusting it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, make_msgid, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, Final

from nexus.tools.desk.text import shown_line

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,120}@[!-;=?A-~]{1,120}>")
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail as it is shown; every field is one clean line but the text."""

    sender: str
    to: str
    cc: str
    subject: str
    date: datetime
    message_id: str | None
    text: str
    attachments: Sequence[str]


def write_letter(
    *,
    sender: Address,
    to: Sequence[Address],
    subject: str,
    body: str,
    date: datetime,
    cc: Sequence[Address] = (),
    in_reply_to: str | None = None,
    is_draft: bool = False,
) -> bytes:
    """The bytes of an `.eml` file, UTF-8, with a Message-ID of its own."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Date"] = format_datetime(date)
    message["From"] = sender
    message["To"] = tuple(to)
    if cc:
        message["Cc"] = tuple(cc)
    message["Subject"] = subject
    if in_reply_to:
        message["In-Reply-To"] = in_reply_to
        message["References"] = in_reply_to
    if is_draft:
        message["X-Unsent"] = "1"  # mail programs open such a file ready to be edited and sent
    message.set_content(body if body.endswith("\n") else f"{body}\n", charset="utf-8")
    return message.as_bytes()


def read_letter(content: bytes) -> Letter:
    """What an `.eml` file says; never fails, however broken the file is."""
    message = message_from_bytes(content)
    texts, attachments = _parts_of(message)
    return Letter(
        sender=_people(message, "From"),
        to=_people(message, "To"),
        cc=_people(message, "Cc"),
        subject=shown_line(_decoded(message["Subject"])) or "(no subject)",
        date=_date_of(message),
        message_id=_message_id(message),
        text="\n".join(texts).strip(),
        attachments=attachments,
    )


def _decoded(raw: Any) -> str:
    text = "" if raw is None else str(raw)
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _people(message: Message, header: str) -> str:
    raw = [str(value) for value in message.get_all(header, [])]
    people = ((shown_line(_decoded(name)), shown_line(address)) for name, address in getaddresses(raw))
    return ", ".join(
        f"{name} <{address}>" if name else address for name, address in people if address or name
    )


def _date_of(message: Message) -> datetime:
    try:
        date = parsedate_to_datetime(str(message["Date"]))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return _NEVER


def _message_id(message: Message) -> str | None:
    raw = str(message["Message-ID"] or "").strip()
    return raw if _MESSAGE_ID.fullmatch(raw) else None


def _parts_of(message: Message) -> tuple[list[str], list[str]]:
    """The texts (plain ones if there are any, else those of the HTML) and the names of the attachments."""
    plain: list[str] = []
    html: list[str] = []
    attachments: list[str] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            attachments.append(shown_line(_decoded(part.get_filename() or part.get_content_type())))
        elif part.get_content_subtype() == "html":
            html.append(_without_tags(_text_of(part)))
        else:
            plain.append(_text_of(part))
    return plain or html, attachments


def _text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except (LookupError, ValueError):
        return content.decode(errors="replace")


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in ("script", "style", "head")
        if tag in ("br", "p", "div", "tr", "li", "h1", "h2", "h3"):
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "head"):
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _without_tags(html: str) -> str:
    parser = _TextOnly()
    parser.feed(html)
    parser.close()
    return re.sub(r"\n\s*\n+", "\n\n", "".join(parser.pieces)).strip()

"""Files that a person attaches: text becomes a note, a saved e-mail goes into the inbox."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from pathlib import Path, PurePosixPath

from nexus.errors import ArgumentsInvalid, InvalidInput
from nexus.ports.attachments import Attached
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.names import checked_name
from nexus.tools.desk.notes import Notes
from nexus.tools.desk.shelf import Shelf

_NAMELESS = "attached"


class DeskAttachments:
    """Implements `nexus.ports.attachments.Attachments` over the desk's folder.

    A note counts as the person's own words, for they vouch for it; an e-mail as its sender's.
    """

    endings: tuple[str, ...] = (".txt", ".md", ".eml")

    def __init__(self, root: Path) -> None:
        folder = Folder(root)
        self._notes = Notes(folder)
        self._mail = Shelf(folder, place="mail/inbox", prefix="mail", suffix=".eml", noun="e-mail")

    async def keep(self, name: str, content: bytes) -> Attached:
        """Keep a file."""
        path = PurePosixPath(name.replace("\\", "/"))
        match path.suffix.lower():
            case ".txt" | ".md":
                return await asyncio.to_thread(self._as_note, path.stem, content)
            case ".eml":
                return await asyncio.to_thread(self._as_mail, content)
            case _:
                raise InvalidInput(
                    "the agent could not read it", field="file", remedy="Attach a .txt, .md or .eml file."
                )

    def _as_note(self, stem: str, content: bytes) -> Attached:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput(
                "it is not text in UTF-8", field="file", remedy="Save it as UTF-8 text first."
            ) from error
        try:
            return Attached("note", self._notes.add_new(_safe(stem), text))
        except ArgumentsInvalid as error:
            raise InvalidInput(error.message.removeprefix("text: "), field="file") from error

    def _as_mail(self, content: bytes) -> Attached:
        found = message_from_bytes(content, policy=policy.compat32)
        if not found["from"] or not found["date"]:
            raise InvalidInput(
                "it is no e-mail: it has no sender or no date", field="file", remedy="Save it anew as .eml."
            )
        return Attached("e-mail", self._mail.add(lambda _: content))


def _safe(stem: str) -> str:
    """The name of a note, whatever the file is called."""
    try:
        return checked_name("name", stem, suffix=".md").replace("/", "-")
    except ArgumentsInvalid:
        return _NAMELESS

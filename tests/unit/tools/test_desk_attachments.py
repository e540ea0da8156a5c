"""Files that a person attaches: kept on the desk under safe names, found by its tools, replacing nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import InvalidInput
from nexus.ports.attachments import Attached
from nexus.testing import FakeClock
from nexus.tools.desk import Desk
from nexus.tools.desk.attachments import DeskAttachments
from nexus.tools.desk.text import LONGEST_TEXT

LETTER = (
    b"From: Ana <ana@example.com>\r\nDate: Mon, 30 Nov 2026 09:00:00 +0000\r\nSubject: Hi\r\n\r\nHello.\r\n"
)


@pytest.fixture(name="attachments")
def _attachments(tmp_path: Path) -> DeskAttachments:
    return DeskAttachments(tmp_path / "desk")


def _files(folder: Path) -> list[str]:
    """What was kept, wherever."""
    found = [each for each in folder.rglob("*") if each.suffix in {".md", ".eml", ".txt"}]
    return [each.relative_to(folder).as_posix() for each in found]


async def test_a_text_becomes_a_note_that_the_agent_can_read(attachments: DeskAttachments, tmp_path: Path):
    kept = await attachments.keep("Trip Plan.TXT", "\ufeffFly on Friday.\r\n".encode())
    assert kept == Attached("note", "trip-plan")
    assert "Fly on Friday." in Desk(tmp_path / "desk", FakeClock()).notes.read_note("trip plan")


async def test_a_saved_email_goes_into_the_inbox_as_its_senders(attachments: DeskAttachments, tmp_path: Path):
    kept = await attachments.keep("whatever.eml", LETTER)
    assert kept == Attached("e-mail", "mail-1")
    assert "ana@example.com" in Desk(tmp_path / "desk", FakeClock()).mail.read_email("mail-1")


async def test_nothing_that_is_there_is_replaced(attachments: DeskAttachments, tmp_path: Path):
    names = [(await attachments.keep("list.md", f"{number}".encode())).name for number in range(3)]
    assert names == ["list", "list-2", "list-3"]
    assert (tmp_path / "desk" / "notes" / "list.md").read_text() == "0\n"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.txt", "passwd"),
        ("C:\\Users\\me\\notes.md", "notes"),
        ("..txt", "attached"),
        ("con.txt", "attached"),
        (".hidden.md", "attached"),
        ("a\u202etxt.exe.md", "attached"),
        ("x" * 300 + ".txt", "attached"),
        ("\x00.txt", "attached"),
    ],
)
async def test_the_name_of_a_file_leads_nowhere(
    attachments: DeskAttachments, tmp_path: Path, name: str, safe: str
):
    assert (await attachments.keep(name, b"text")).name == safe
    assert _files(tmp_path) == [f"desk/notes/{safe}.md"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("program.exe", b"MZ", "could not read it"),
        ("photo", b"\x89PNG", "could not read it"),
        ("notes.txt", b"\xff\xfe\x00", "not text in UTF-8"),
        ("notes.txt", b"bell \x07", "must not contain"),
        ("notes.txt", b"  \n", "is empty"),
        ("notes.txt", b"x" * (LONGEST_TEXT + 1), "at most 200,000 fit"),
        ("mail.eml", b"\x00\x01", "no e-mail"),
    ],
)
async def test_what_the_agent_could_not_use_is_refused_with_the_reason(
    attachments: DeskAttachments, tmp_path: Path, name: str, content: bytes, words: str
):
    with pytest.raises(InvalidInput, match=words) as refused:
        await attachments.keep(name, content)
    assert refused.value.field == "file"
    assert _files(tmp_path) == []

"""Contacts on the desk: vCards that address books read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import vobject

from nexus.errors import ArgumentsInvalid, NotFound, ToolFailed
from tests.unit.tools.conftest import Call


def _card(path: Path) -> Any:
    return vobject.readOne(path.read_bytes().decode())


async def test_an_added_contact_is_a_standard_card(call: Call, root: Path):
    result = await call(
        "add_contact", name="Ana María Costa", email="ana@example.org", phone="+351 21", company="Costa; Lda"
    )

    card = _card(root / "contacts/ana-maría-costa.vcf")
    assert result.reference == "contacts/ana-maría-costa.vcf"
    assert (card.version.value, card.fn.value, card.email.value) == (
        "3.0",
        "Ana María Costa",
        "ana@example.org",
    )
    assert (card.n.value.given, card.n.value.family) == ("Ana María", "Costa")
    assert (card.tel.value, card.org.value) == ("+351 21", ["Costa; Lda"])
    assert card.uid.value.startswith("urn:uuid:")


async def test_a_person_is_found_by_any_part_of_what_is_known(call: Call):
    maria = "Maria Silva | maria.silva@example.com | +351 210 000 101 | Silva Architects"

    assert (await call("find_contact", name="Maria")).text == maria
    assert (await call("find_contact", name="MÁRIA silva")).text == maria
    assert (await call("find_contact", name="silva architects")).text == maria
    assert len((await call("find_contact")).text.splitlines()) == 6
    assert (await call("find_contact", name="Zacharias")).text.startswith(
        "No contact matches 'Zacharias'. The contacts are Ben Okafor"
    )


async def test_a_second_contact_of_the_same_name_is_refused(call: Call):
    with pytest.raises(
        ArgumentsInvalid, match=r"Maria Silva \| maria\.silva@example\.com .* Use update_contact"
    ):
        await call("add_contact", name="maria  SILVA", email="other@example.org")


async def test_two_names_with_one_slug_are_two_files(call: Call, root: Path):
    await call("add_contact", name="Li-Wei")
    await call("add_contact", name="Li Wei?")

    assert (root / "contacts/li-wei.vcf").exists()
    assert (root / "contacts/li-wei-2.vcf").exists()


@pytest.mark.parametrize("name", ["Priya Nair", "priya", "priya-nair"])
async def test_an_update_changes_what_is_given_and_keeps_the_rest(call: Call, root: Path, name: str):
    path = root / "contacts/priya-nair.vcf"
    uid = _card(path).uid.value
    path.write_bytes(path.read_bytes().replace(b"END:VCARD", b"X-HOBBY:chess\r\nTEL:+1 2\r\nEND:VCARD"))

    await call("update_contact", name=name, email="priya@example.org")

    card = _card(path)
    assert (card.email.value, card.fn.value, card.uid.value) == ("priya@example.org", "Priya Nair", uid)
    assert (card.x_hobby.value, len(card.tel_list)) == ("chess", 2)


async def test_a_vcard_4_of_another_program_is_read_and_changed(call: Call, root: Path):
    path = root / "contacts/jo.vcf"
    path.write_text(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jo Doe\r\nEMAIL;TYPE=work:jo@example.org\r\nEND:VCARD\r\n"
    )
    await call("update_contact", name="Jo Doe", phone="+44 1")

    card = _card(path)
    assert (card.version.value, card.email.value, card.tel.value) == ("4.0", "jo@example.org", "+44 1")


async def test_an_update_needs_somebody_and_something(call: Call):
    with pytest.raises(NotFound, match=r"no contact is called 'Zoe'\. The contacts are Ben Okafor"):
        await call("update_contact", name="Zoe", phone="1")
    with pytest.raises(ArgumentsInvalid, match="give the new email, phone or company"):
        await call("update_contact", name="Priya Nair")
    await call("add_contact", name="Maria Costa")
    with pytest.raises(ArgumentsInvalid, match=r"'Maria' could be Maria Costa .* or Maria Silva"):
        await call("update_contact", name="Maria", phone="1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not an address"),
        ("email", "a@example.org\r\nNOTE:x"),
        ("phone", "1\nEMAIL:x@example.org"),
        ("company", "x\u202ey"),
        ("name", "a\r\nEMAIL:x@example.org"),
        ("name", " "),
    ],
)
async def test_text_that_would_become_another_line_is_refused(call: Call, root: Path, field: str, value: str):
    before = sorted((root / "contacts").iterdir())
    with pytest.raises(ArgumentsInvalid) as caught:
        await call("add_contact", **{"name": "Eve Adams", field: value})

    assert caught.value.field == field
    assert sorted((root / "contacts").iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello", b"BEGIN:VCARD\r\nFN:x\r\n"])
async def test_a_damaged_card_does_not_hide_the_others(call: Call, root: Path, content: bytes):
    (root / "contacts/broken.vcf").write_bytes(content)

    assert "Maria Silva" in (await call("find_contact")).text
    with pytest.raises(ToolFailed, match="the contact broken is damaged"):
        await call("update_contact", name="broken", phone="1")

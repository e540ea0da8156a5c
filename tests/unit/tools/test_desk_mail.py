"""Mail on the desk: what is sent is a real message to the approved addresses, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.desk.letters import read_letter
from tests.unit.tools.conftest import Call, caller_of

PLAIN = {"to": ["maria@example.com"], "subject": "Hello", "body": "How are you?"}


def _message(path: Path) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(path.read_bytes(), policy=default))


def _text(message: EmailMessage) -> str:
    return message.get_content().replace("\r\n", "\n")


async def test_a_sent_email_is_a_standard_message_in_the_outbox(call: Call, root: Path):
    result = await call(
        "send_email",
        to=["Maria Silva <maria@example.com>", "ben@example.com"],
        cc=["team@example.com"],
        subject="Grüße: 3 pm ✓",
        body="Liebe Maria,\n\nes ist soweit.",
    )

    message = _message(root / "mail/outbox/sent-1.eml")
    assert result.reference == "mail/outbox/sent-1.eml"
    assert result.text == "Sent sent-1: 'Grüße: 3 pm ✓' to Maria Silva <maria@example.com>, ben@example.com."
    assert str(message["From"]) == "Kim Example <kim@example.com>"
    assert str(message["To"]) == "Maria Silva <maria@example.com>, ben@example.com"
    assert str(message["Cc"]) == "team@example.com"
    assert message["Subject"] == "Grüße: 3 pm ✓"
    assert message["Date"].datetime == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert message["Message-ID"].endswith("@example.com>")
    assert message.get_content_charset() == "utf-8"
    assert _text(message) == "Liebe Maria,\n\nes ist soweit.\n"
    assert not message.defects


@pytest.mark.parametrize("to", ["maria@example.com", " maria@example.com ; ", ["maria@example.com"] * 2])
async def test_one_address_may_be_written_in_several_ways(call: Call, root: Path, to: Any):
    await call("send_email", **{**PLAIN, "to": to})

    assert str(_message(root / "mail/outbox/sent-1.eml")["To"]) == "maria@example.com"


async def test_several_addresses_in_one_text_are_several_recipients(call: Call, root: Path):
    await call("send_email", **{**PLAIN, "to": "a@example.com, b@example.com; c@example.com"})

    message = _message(root / "mail/outbox/sent-1.eml")
    assert str(message["To"]) == "a@example.com, b@example.com, c@example.com"


@pytest.mark.parametrize("name", ["Maria Silva", "maria silva", "Maria"])
async def test_a_bare_name_is_refused_with_the_address_it_has(call: Call, root: Path, name: str):
    with pytest.raises(ArgumentsInvalid, match=r"maria\.silva@example\.com; write that") as caught:
        await call("send_email", **{**PLAIN, "to": [name]})

    assert caught.value.field == "to"
    assert not list((root / "mail/outbox").iterdir())


async def test_a_name_that_two_people_have_is_refused_with_both(call: Call):
    await call("add_contact", name="Maria Costa", email="costa@example.org")

    with pytest.raises(
        ArgumentsInvalid, match=r"Maria Costa <costa@example.org> or Maria Silva <maria\.silva@"
    ):
        await call("send_email", **{**PLAIN, "to": "Maria"})


async def test_an_unknown_name_is_refused_with_the_way_to_find_out(call: Call):
    with pytest.raises(ArgumentsInvalid, match="look with find_contact, or ask the person"):
        await call("send_email", **{**PLAIN, "cc": ["Zacharias"]})


@pytest.mark.parametrize(
    "address",
    [
        "maria@example",
        "maria@@example.com",
        "maria@exаmple.com",  # noqa: RUF001 - a Cyrillic letter
        "maria@example.com\r\nBcc: x@example.org",
        "maria@example.com>",
        "<maria@example.com",
        "maria example@example.com",
        "maria@example.com <x@example.org>",
        ".maria@example.com",
        "ma..ria@example.com",
        '"maria x"@example.com',
        "maria@[127.0.0.1]",
        "maria@example.com%0aBcc",
        "\u202emoc.elpmaxe@x.org",
        "",
        "@example.com",
        "maria@" + "x" * 300 + ".com",
    ],
)
async def test_what_is_no_plain_address_is_refused(call: Call, root: Path, address: str):
    with pytest.raises(ArgumentsInvalid) as caught:
        await call("send_email", **{**PLAIN, "to": [address]})

    assert caught.value.field == "to"
    assert not list((root / "mail/outbox").iterdir())


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("subject", "Hello\r\nBcc: x@example.org", "one line"),
        ("subject", "Hello\nX: y", "one line"),
        ("subject", "Hello\x85X: y", "one line"),
        ("subject", "Hello\u2028X: y", "one line"),
        ("subject", "pay \u202e00,1 EUR", "U\\+202E"),
        ("subject", "nul\0", "U\\+0000"),
        ("subject", "   ", "is empty"),
        ("subject", "x" * 251, "at most 250"),
        ("body", "", "is empty"),
        ("body", "a\u202eb", "U\\+202E"),
        ("body", "a\x1b[2Jb", "U\\+001B"),
        ("body", "x" * 1_000_000, "1,000,000 characters; at most 200,000"),
    ],
)
async def test_text_that_hides_something_or_is_too_long_is_refused(
    call: Call, root: Path, field: str, text: str, why: str
):
    with pytest.raises(ArgumentsInvalid, match=why) as caught:
        await call("send_email", **{**PLAIN, field: text})

    assert caught.value.field == field
    assert len(str(caught.value)) < 200
    assert not list((root / "mail/outbox").iterdir())


async def test_headers_in_the_body_stay_in_the_body(call: Call, root: Path):
    await call("send_email", **{**PLAIN, "body": "Bcc: x@example.org\r\n\r\nhello\r.\r\nFrom me"})

    message = _message(root / "mail/outbox/sent-1.eml")
    assert sorted(message.keys()) == [
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    assert _text(message) == "Bcc: x@example.org\n\nhello\n.\nFrom me\n"


async def test_a_body_in_any_script_and_with_long_lines_survives(call: Call, root: Path):
    body = "שלום " * 800 + "\n\n😀 नमस्ते\n"
    await call("send_email", **{**PLAIN, "body": body})

    assert _text(_message(root / "mail/outbox/sent-1.eml")) == body


async def test_a_draft_is_kept_apart_and_opens_for_editing(call: Call, root: Path):
    result = await call("draft_email", **PLAIN)

    assert result.reference == "mail/drafts/draft-1.eml"
    assert "It was not sent." in result.text
    assert _message(root / "mail/drafts/draft-1.eml")["X-Unsent"] == "1"
    assert not list((root / "mail/outbox").iterdir())
    assert "How are you?" in (await call("read_email", email_id="draft-1")).text


async def test_an_answer_is_threaded_under_the_email_it_answers(call: Call, root: Path):
    await call("send_email", **PLAIN, in_reply_to="mail-2")

    original = _message(root / "mail/inbox/mail-2.eml")["Message-ID"]
    message = _message(root / "mail/outbox/sent-1.eml")
    assert message["In-Reply-To"] == message["References"] == original


async def test_a_hostile_message_id_never_becomes_a_header(call: Call, root: Path):
    (root / "mail/inbox/mail-9.eml").write_bytes(
        b"From: x@example.org\r\nMessage-ID: <a@b>\r\n\t,<c@d>\r\n Bcc: x@example.org\r\n\r\nhi\r\n"
    )
    await call("send_email", **PLAIN, in_reply_to="mail-9")

    assert "In-Reply-To" not in _message(root / "mail/outbox/sent-1.eml")


async def test_an_answer_to_nothing_says_what_there_is(call: Call):
    with pytest.raises(
        NotFound, match=r"in_reply_to: no e-mail 'mail-99'; .* Leave it out if this is no reply"
    ):
        await call("send_email", **PLAIN, in_reply_to="mail-99")


async def test_an_empty_optional_text_means_it_was_left_out(call: Call, root: Path):
    await call("send_email", **PLAIN, in_reply_to=" ", cc="")

    message = _message(root / "mail/outbox/sent-1.eml")
    assert "In-Reply-To" not in message
    assert "Cc" not in message


async def test_sends_at_the_same_time_make_a_file_each(call: Call, root: Path, clock: FakeClock):
    other = caller_of(desk_provider(root, clock, zone=UTC))
    calls = [
        one("send_email", **{**PLAIN, "subject": f"n{number}"})
        for number in range(8)
        for one in (call, other)
    ]
    results = await asyncio.gather(*calls)

    files = sorted((root / "mail/outbox").iterdir())
    assert len(files) == len({result.reference for result in results}) == 16
    assert sorted(_message(path)["Subject"] for path in files) == sorted(f"n{n // 2}" for n in range(16))
    assert len({_message(path)["Message-ID"] for path in files}) == 16


async def test_the_inbox_is_listed_newest_first_with_a_limit(call: Call):
    lines = (await call("list_emails", limit=3)).text.splitlines()

    assert lines[0] == (
        "mail-8 | Wed 2026-11-25 07:00 | Tom Becker <tom.becker@example.com> | Offsite: who brings what"
    )
    assert [line.split(" |")[0] for line in lines] == ["mail-8", "mail-7", "mail-6", "(5 more)"]


async def test_emails_are_found_by_words_in_any_part(call: Call):
    assert (await call("search_emails", query="safari BUG")).text.startswith("mail-3 |")
    assert (await call("search_emails", query="billing")).text.startswith("mail-4 |")
    assert (await call("search_emails", query="giraffe")).text == "No e-mail in the inbox mentions 'giraffe'."


@pytest.mark.parametrize("email_id", ["mail-3", "3", "Mail-3.eml", " mail-3 "])
async def test_an_email_is_read_whole(call: Call, email_id: str):
    text = (await call("read_email", email_id=email_id)).text

    assert text.startswith("Id: mail-3\nFrom: Ben Okafor <ben.okafor@example.com>\n")
    assert "Subject: Bug report: login button does nothing\n\nHi,\n" in text


async def test_an_unknown_email_is_answered_with_those_that_exist(call: Call):
    with pytest.raises(NotFound, match=r"no e-mail 'mail-12'; there are mail-1, mail-2, .*mail-8\."):
        await call("read_email", email_id="mail-12")
    with pytest.raises(NotFound, match="no sent e-mail 'sent-1'; there is no sent e-mail at all"):
        await call("read_email", email_id="sent-1")


async def test_sent_emails_are_listed_by_recipient(call: Call):
    await call("send_email", **PLAIN)

    assert (await call("list_sent_emails")).text == (
        "sent-1 | Wed 2026-11-25 09:00 | to maria@example.com | Hello"
    )


async def test_a_hostile_email_cannot_forge_lines_of_the_list(call: Call, root: Path):
    (root / "mail/inbox/evil.eml").write_bytes(
        b"From: =?utf-8?q?Boss=0Amail-1_=7C_forged?= <x@example.org>\r\n"
        b"Subject: =?utf-8?b?4oCuZ25pZGRpaw==?= =?bogus?q?x?=\r\nDate: yesterday\r\n\r\nhi\x1b[2J\r\n"
    )
    lines = (await call("list_emails", limit=50)).text.splitlines()

    assert len(lines) == 9
    assert lines[-1].startswith("evil | ")
    assert "\u202e" not in lines[-1]
    assert "\x1b" not in (await call("read_email", email_id="evil")).text


async def test_a_long_email_is_cut_and_says_so(call: Call, root: Path):
    (root / "mail/inbox/mail-9.eml").write_bytes(b"Subject: long\r\n\r\n" + b"x" * 9000)

    assert (await call("read_email", email_id="mail-9")).text.endswith("[cut here: 1,000 more characters]")


def test_html_and_attachments_are_read_as_text_and_names():
    message = EmailMessage()
    message["Subject"] = "Offer"
    message.set_content(
        "<head><style>p{}</style></head><p>One &amp; two</p><script>x()</script>three", subtype="html"
    )
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")

    letter = read_letter(message.as_bytes())

    assert letter.text == "One & twothree"
    assert letter.attachments == ["offer.pdf"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"Content-Type: text/plain; charset=no-such\r\n\r\ncaf\xe9",
        b"Content-Type: multipart/mixed\r\n\r\n--",
        b"Subject: =?utf-8?b?!!!?=\r\nFrom: =?utf-8?q?=ff?= <\r\nDate: Mon, 99 Foo 99999\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n!",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello",
    ],
)
def test_a_broken_email_file_is_still_read(content: bytes):
    assert read_letter(content).subject

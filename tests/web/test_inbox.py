"""The inbox in a real browser against the real server: what a person decides there is what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from nexus.testing import FakeClock
from tests.api.serving import pause, serving, settled, story
from tests.browser import PHONE, chromium, open_tab
from tests.web.inbox import LETTER, MailOffice, Reader, eventually, fill, shown, state


@pytest.fixture(name="office")
def _office(fast_path: Path) -> MailOffice:
    return MailOffice(fast_path / "home")


@pytest.fixture(name="client")
def _client(office: MailOffice) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


@asynccontextmanager
async def reading(client: httpx.Client, *, scripts: bool = True, to: str = "/") -> AsyncIterator[Reader]:
    """Somebody who opens a page on a phone, and whom nothing else happened to in the end."""
    async with (
        chromium() as browser,
        open_tab(browser, str(client.base_url), size=PHONE, scripts=scripts) as tab,
    ):
        reader = Reader(tab)
        await tab.page.goto(to)
        yield reader
        reader.was_quiet()


async def test_what_is_approved_with_one_press_is_what_is_sent(office: MailOffice, client: httpx.Client):
    """The mail looks like a mail, each value with where it came from; the result is told without a reload."""
    thread, approval = await asyncio.to_thread(pause, client, office, **LETTER)
    async with reading(client) as reader:
        card = await reader.text("article.card")
        for part in (
            "Send an e-mail",
            "gmail",
            "To",
            "ana@example.com",
            "Review moved",
            "the review moved to",
        ):
            assert part in card
        assert "from you" in await reader.text("article.card .line:has-text('ana@example.com')")
        assert "from the model" in await reader.text("article.card .line.heading")
        assert all(part in card for part in ("It asks because", "decide by", "scripted"))
        await reader.press("Approve")
        await reader.sees("Done")
        assert f"id {approval['id'].rsplit('-', 1)[0]}" in await reader.text(".end.done")
        assert "Nothing waits for you" in await reader.text("h1")
    assert office.tools.made[0][1] == LETTER
    assert len(office.tools.made) == 1
    assert settled(client, thread)["answer"] == "Sent."
    assert shown(client, approval["id"])["decided_by"] == "web:owner"


async def test_an_edit_is_checked_while_it_is_typed_and_then_sent_as_edited(
    office: MailOffice, client: httpx.Client
):
    _, approval = await asyncio.to_thread(pause, client, office, **LETTER)
    async with reading(client) as reader:
        await reader.page.click("article.card >> text=Edit")
        await reader.page.fill("[name='a.subject']", "x" * 41)
        await reader.sees("does not fit")
        assert await reader.page.get_attribute("[name='a.subject']", "aria-invalid") == "true"
        await reader.page.fill("[name='a.subject']", "Review on Friday")
        await reader.page.locator("#problem").wait_for(state="hidden")
        await reader.page.fill("[name='a.to']", "ana@example.com\neve@example.com")
        await reader.page.select_option("[name='a.priority']", label="high")
        await reader.page.click("text=Approve with these changes")
        await reader.sees("Done")
    assert office.tools.made[0][1] == {
        **LETTER,
        "to": ["ana@example.com", "eve@example.com"],
        "subject": "Review on Friday",
        "priority": "high",
    }
    assert len(office.tools.made) == 1
    assert state(client, approval["id"]) == "edited"


async def test_a_reason_for_a_no_reaches_the_model_which_does_something_else(
    office: MailOffice, client: httpx.Client
):
    thread, _ = await asyncio.to_thread(pause, client, office, **LETTER)
    office.model.script.clear()
    office.model.calls(("send", {**LETTER, "subject": "Shorter"}), answer="Sent.")
    async with reading(client) as reader:
        await reader.page.click("summary")
        await reader.page.fill("article.card textarea", "A shorter subject, please.")
        await reader.press("Reject")
        await reader.sees("Shorter")
        assert "Rejected: it was not done." in await reader.text(".end.no")
    told = [step["text"] for step in story(client, thread)["steps"] if step["kind"] == "result"]
    assert told == ["The person rejected this: A shorter subject, please."]
    assert office.tools.made == []


async def test_an_answer_instead_reaches_the_model(office: MailOffice, client: httpx.Client):
    thread, approval = await asyncio.to_thread(pause, client, office, **LETTER)
    async with reading(client, to=f"/ui/inbox/{approval['id']}") as reader:
        await reader.page.click("summary")
        await reader.press("Answer instead")
        await reader.sees("message: it is empty")
        await reader.page.go_back()
        await reader.page.click("summary")
        await reader.page.fill("article.card textarea", "Ana knows already.")
        await reader.press("Answer instead")
        await eventually(client, approval["id"], "responded")
    told = [step["text"] for step in settled(client, thread)["steps"] if step["kind"] == "result"]
    assert told == ["The person answered instead: Ana knows already."]


async def test_what_was_undone_was_never_decided(fast_path: Path):
    """The window is as long as a test could take, so that nothing but the undo ends it."""
    office = MailOffice(fast_path / "home", undo=60)
    with serving(office) as client:
        _, approval = await asyncio.to_thread(pause, client, office, **LETTER)
        async with reading(client) as reader:
            await reader.page.keyboard.press("j")
            await reader.page.keyboard.press("a")
            await reader.sees("It counts in 60 s.")
            assert state(client, approval["id"]) == "pending", "nothing is recorded yet"
            await reader.page.keyboard.press("u")
            await reader.page.get_by_role("button", name="Approve", exact=True).wait_for()
            await reader.page.keyboard.press("e")
            await reader.sees("Edit, then approve")
        assert state(client, approval["id"]) == "pending"
        assert office.tools.made == []


async def test_a_server_that_ends_while_a_decision_can_be_undone_has_not_decided(fast_path: Path):
    """The open page says that the server is away, comes back by itself, and shows the question again."""
    office = MailOffice(fast_path / "home", undo=60)
    with serving(office) as client:
        _, approval = await asyncio.to_thread(pause, client, office, **LETTER)
        port = client.base_url.port
        stopped = asyncio.Event()

        async def person() -> None:
            async with chromium() as browser, open_tab(browser, str(client.base_url)) as tab:
                reader = Reader(tab)
                await tab.page.goto("/")
                await reader.press("Approve")
                await reader.sees("It counts in 60 s.")
                stopped.set()
                await reader.sees("cannot be reached")
                again.set()
                await tab.page.get_by_role("button", name="Approve", exact=True).wait_for()
                assert await tab.page.locator("#offline").is_hidden()
                done.set()

        again, done = asyncio.Event(), asyncio.Event()
        at_work = asyncio.create_task(person())
        await _either(stopped, at_work)
    await _either(again, at_work)
    office.at_port = port
    with serving(office) as client:
        await _either(done, at_work)
        await at_work
        assert state(client, approval["id"]) == "pending"
    assert office.tools.made == []


async def _either(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for the event, or for what the task failed with."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if not event.is_set():
        waiting.cancel()
        await task


async def test_of_two_tabs_the_first_answer_counts_and_the_other_is_told(
    office: MailOffice, client: httpx.Client
):
    """Both press at once, one yes, one no; each sees in the end what really happened."""
    _, approval = await asyncio.to_thread(pause, client, office, **LETTER)
    async with (
        chromium() as browser,
        open_tab(browser, str(client.base_url)) as one,
        open_tab(browser, str(client.base_url)) as two,
    ):
        readers = [Reader(one), Reader(two)]
        for reader in readers:
            await reader.page.goto("/")
        await readers[1].page.click("summary")
        await asyncio.gather(readers[0].press("Approve"), readers[1].press("Reject"), return_exceptions=True)
        ends = "article.end"
        for reader in readers:
            await reader.page.wait_for_selector(ends)
            await reader.page.locator(".end.open").wait_for(state="hidden")
        decided = state(client, approval["id"])
        texts = [await reader.text(ends) for reader in readers]
    assert decided in {"approved", "rejected"}
    assert all(("Done" if decided == "approved" else "Rejected") in text for text in texts)
    assert len(office.tools.made) == (decided == "approved")


async def test_everything_works_with_scripts_off(office: MailOffice, client: httpx.Client):
    """By plain forms: edit, what does not fit, approve, the result; and the log of what was decided."""
    await asyncio.to_thread(pause, client, office, **LETTER)
    async with reading(client, scripts=False) as reader:
        await reader.page.click("article.card >> text=Edit")
        await reader.page.fill("[name='a.to']", "nobody")
        await reader.page.click("text=Approve with these changes")
        assert "to.0" in await reader.text("#problem")
        assert await reader.page.input_value("[name='a.to']") == "nobody", "what was typed is still there"
        await reader.page.fill("[name='a.to']", "ana@example.com")
        await reader.page.fill("[name='a.subject']", "")
        await reader.page.fill("[name='a.body']", "Hello")
        await reader.page.click("text=Approve with these changes")
        await reader.sees("Edited and approved.")
        await reader.sees("Done")  # the page looks again by itself, without a script
        await reader.page.click("text=what was decided")
        await reader.sees("What became of it")
        told = await reader.text()
        assert all(
            part in told for part in ("ana@example.com", "approved by web:owner", "you, edited", "Digest")
        )
    assert office.tools.made[0][1] == {"to": ["ana@example.com"], "body": "Hello"}


async def test_what_nobody_answers_in_time_is_told_and_cannot_be_answered(fast_path: Path):
    clock = FakeClock()
    office = MailOffice(fast_path / "home", clock=clock)
    with serving(office) as client:
        await fill(office, [LETTER])
        async with (
            chromium() as browser,
            open_tab(browser, str(client.base_url), scripts=False) as tab,
        ):
            reader = Reader(tab)
            await tab.page.goto("/")
            clock.advance(timedelta(days=1, minutes=1))
            await reader.press("Approve")
            assert "expired" in await reader.text()
            await tab.page.goto("/")
            assert "Nothing waits for you" in await reader.text("h1")
        assert state(client, "question-000-1") == "expired"
    assert office.tools.made == []

"""Questions in the inbox that are none about a call alone: unknown outcomes, others' calls, strangers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from nexus.core.approval import Approval
from nexus.core.roles import Role
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.users import SqliteUsers
from tests.api.serving import pause, serving, settled
from tests.api.test_outcomes import loses
from tests.api.test_pages import PERSON, TOKEN, log_in
from tests.web.inbox import LETTER, MAIL, MailOffice, fill, shown


@pytest.fixture(name="office")
def _office(tmp_path: Path) -> MailOffice:
    return MailOffice(tmp_path / "home", undo=0)


@pytest.fixture(name="client")
def _client(office: MailOffice) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


def look(client: httpx.Client, path: str = "/") -> str:
    """A page as its text stands in it."""
    return client.get(path, headers=PERSON).raise_for_status().text


def answer(
    client: httpx.Client, approval: str, decision: str, *, of: str = "", **more: str
) -> httpx.Response:
    """Send the form that stands on the page of a question."""
    query = f"?of={of}" if of else ""
    page = look(client, f"/ui/inbox/{approval}{query}")
    (digest,) = set(re.findall(r'name="digest" value="([^"]+)"', page))
    form = {"token": TOKEN.findall(page)[0], "digest": digest, "decision": decision, **more}
    return client.post(f"/ui/inbox/{approval}/decision{query}", data=form, headers=PERSON)


def test_a_call_whose_end_nobody_knows_is_told_and_asked_about(client: httpx.Client, office: MailOffice):
    """Never as done, never as failed; what a person says of it is the answer, and nothing is sent again."""
    office.tools.behaviour = loses(office)
    thread, first = pause(client, office, **LETTER)
    assert answer(client, first["id"], "approve").status_code == 303
    settled(client, thread)
    page = look(client)
    assert "We do not know whether it happened:" in page
    assert "The post office did not answer." in page
    assert "Did this happen?" in page
    (question,) = client.get("/approvals").json()
    assert all(label in page for label in ("It happened", "Try once more", "Give up"))
    assert "idempotency key" in look(client, f"/ui/inbox/{question['id']}")
    assert answer(client, question["id"], "respond").status_code == 303
    told = [step["text"] for step in settled(client, thread)["steps"] if step["kind"] == "result"]
    assert told == ["The person says that it did happen: It happened."]
    assert len(office.tools.made) == 1
    assert "It happened, as you said." in look(client)


def test_a_missing_account_is_asked_for_and_a_yes_is_not_believed(client: httpx.Client, office: MailOffice):
    office.tools.specs = (replace(MAIL, needs_account=True, account=None),)
    _, question = pause(client, office, **LETTER)
    assert question["question"] == "connect"
    page = look(client)
    assert "Is this account connected?" in page
    assert re.search(r"Connect <bdi>gmail</bdi>", page)
    said = answer(client, question["id"], "approve")
    assert said.status_code == 409
    assert shown(client, question["id"])["state"] == "pending"


def let_in(office: MailOffice, *, waiting: Approval, **people: Role) -> dict[str, str]:
    """Keys of users; `waiting` is a question about a call of ana's that ben decides on."""

    async def made() -> dict[str, str]:
        database = Database(office.home / "nexus.db", office.clock)
        try:
            await SqliteApprovals(database, "ana").ask(replace(waiting, approvers=("ben",)))
            return {name: await SqliteUsers(database).add(name, role) for name, role in people.items()}
        finally:
            await database.close()

    return asyncio.run(made())


def test_who_decides_on_anothers_call_finds_it_and_nobody_else_does(client: httpx.Client, office: MailOffice):
    """Its owner sees whom it waits for and can only say no; a stranger sees nothing at all."""
    (row,) = asyncio.run(fill(office, [LETTER]))
    keys = let_in(
        office, waiting=replace(row, id=row.id.replace("000", "ana")), ana="user", ben="approver", eve="user"
    )
    mine = "/ui/inbox/question-ana-1"
    log_in(client, keys["eve"])
    assert "Nothing waits for you" in look(client)
    for path in (mine, f"{mine}?of=ana", f"{mine}/edit?of=ana", "/ui/inbox/question-000-1"):
        assert client.get(path, headers=PERSON).status_code == 404, path
    client.cookies.clear()
    log_in(client, keys["ana"])
    page = look(client, mine)
    assert "must say yes" in page
    assert 'value="approve"' not in page
    assert answer(client, "question-ana-1", "approve").status_code == 403
    client.cookies.clear()
    log_in(client, keys["ben"])
    assert f"{mine}?of=ana" in look(client).replace("/decision", "").replace("/edit", "")
    assert answer(client, "question-ana-1", "approve", of="ana").status_code == 303
    assert client.get(f"{mine}?of=ana", headers=PERSON).text.count("web:ben") == 1


def test_a_page_without_scripts_reloads_only_if_nobody_can_be_typing(
    client: httpx.Client, office: MailOffice
):
    """With a call under way, and then with another question beside it."""
    office.tools.gate.clear()
    _, first = pause(client, office, **LETTER)
    answer(client, first["id"], "approve")
    assert '<noscript><meta http-equiv="refresh"' in look(client)
    asyncio.run(fill(office, [LETTER]))
    page = look(client)
    assert "refresh" not in page
    assert "Look again" in page


def test_what_is_no_page_is_told_to_people_in_words(client: httpx.Client):
    for path in ("/?page=0", f"/ui/inbox/{'x' * 101}", "/ui/inbox/none"):
        told = client.get(path, headers=PERSON)
        assert told.status_code in {404, 422}
        assert "To the inbox" in told.text


def test_an_answer_to_something_else_than_what_was_seen_is_refused(client: httpx.Client, office: MailOffice):
    _, approval = pause(client, office, **LETTER)
    page = look(client)
    form = {"token": TOKEN.findall(page)[0], "digest": "0" * 64, "decision": "approve"}
    path = f"/ui/inbox/{approval['id']}/decision"
    assert client.post(path, data=form, headers=PERSON).status_code == 409
    assert client.post(path, data={**form, "token": "x"}, headers=PERSON).status_code == 401
    assert shown(client, approval["id"])["state"] == "pending"
    assert office.tools.made == []


def test_an_answer_leads_back_to_the_chat_it_was_given_in_whatever_its_id_is(
    client: httpx.Client, office: MailOffice
):
    for chat, path in (("Ana_s-42", "Ana_s-42"), ("a b?c", "a%20b%3Fc")):
        _, approval = pause(client, office, **LETTER)
        answered = answer(client, approval["id"], "reject", page=f"/ui/chat/{chat}")
        assert answered.headers["location"] == f"/ui/chat/{path}"
    _, approval = pause(client, office, **LETTER)
    answered = answer(client, approval["id"], "reject", page="//evil.example/ui/chat/x")
    assert answered.headers["location"] == "/"

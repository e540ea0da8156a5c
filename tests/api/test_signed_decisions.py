"""`POST /webhooks/approvals`: what is signed, fresh and new decides; everything else changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus.core.signature import ID, SIGNATURE, TIME, signed
from tests.api.serving import Office, pause, serving, settled

OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
URL = "https://hooks.example.invalid/"


@dataclass
class Program:
    """A program that may decide, and the approval it is about."""

    client: httpx.Client
    endpoint: dict[str, Any]
    approval: dict[str, Any]
    thread: str

    def body(self, **changes: Any) -> str:
        """A decision."""
        data = {
            "endpoint_id": self.endpoint["id"],
            "approval_id": self.approval["id"],
            "digest": self.approval["digest"],
            "decision": {"type": "approve"},
        }
        return json.dumps({"type": "approval.decision", "data": data | changes})

    def headers(
        self, body: str, *, message: str = "msg_1", secret: str = "", late: timedelta = timedelta()
    ) -> dict[str, str]:
        """Its headers, as they should be."""
        at = datetime.now(UTC) - late
        return signed([secret or self.endpoint["secret"]], message=message, at=at, body=body)

    def send(self, body: str | bytes, headers: Any) -> httpx.Response:
        """Send it."""
        given = list(headers.items()) if isinstance(headers, dict) else headers
        given = [
            (name if isinstance(name, bytes) else name.encode(), v if isinstance(v, bytes) else v.encode())
            for name, v in given
        ]
        return self.client.post(
            "/webhooks/approvals", content=body, headers=[*given, (b"content-type", b"application/json")]
        )

    def decide(self, message: str = "msg_1", **changes: Any) -> httpx.Response:
        """Send a good one, with changed data."""
        body = self.body(**changes)
        return self.send(body, self.headers(body, message=message))

    @property
    def state(self) -> str:
        """The approval's."""
        return self.client.get(f"/approvals/{self.approval['id']}").json()["state"]


def program(client: httpx.Client, office: Office, *, may_decide: bool = True, **arguments: Any) -> Program:
    """A program, and a question that waits."""
    thread, approval = pause(client, office, **arguments)
    body = {"url": URL, "may_decide": may_decide, "events": ["run.failed"]}
    endpoint = client.post("/webhooks/endpoints", json=body).raise_for_status().json()
    return Program(client, endpoint, approval, thread)


@pytest.fixture(name="waiting", scope="module")
def _waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One question that nothing here decides."""
    office = Office(tmp_path_factory.mktemp("signed") / "home")
    office.tools.gate.set()
    with serving(office) as client:
        yield program(client, office)


Change = Callable[[Program, str, dict[str, str]], tuple[Any, Any]]


def with_header(name: str, value: Callable[[str], Any]) -> Change:
    """The same with another header."""
    return lambda _, body, headers: (body, headers | {name: value(headers[name])})


def with_body(change: Callable[[str], Any]) -> Change:
    """The same headers with another body."""
    return lambda _, body, headers: (change(body), headers)


def without(*names: str) -> Change:
    """The same without headers."""
    return lambda _, body, headers: (body, {k: v for k, v in headers.items() if k not in names})


def signing(**changes: Any) -> Change:
    """Another decision, well signed."""
    return lambda who, _, __: ((body := who.body(**changes)), who.headers(body))


def late(seconds: int) -> Change:
    """Signed at another time."""
    return lambda who, body, _: (body, who.headers(body, late=timedelta(seconds=seconds)))


def raw(body: str) -> Change:
    """Any other body, well signed."""
    return lambda who, _, __: (body, who.headers(body))


def twice(name: str) -> Change:
    """A header twice: the wrong one first."""
    return lambda _, body, headers: (body, [(name, "x"), *headers.items()])


REFUSED: dict[str, tuple[Change, set[int]]] = {
    "no signature": (without(SIGNATURE), {401}),
    "no id": (without(ID), {401}),
    "no time": (without(TIME), {401}),
    "no headers": (without(ID, TIME, SIGNATURE), {401}),
    "empty signature": (with_header(SIGNATURE, lambda _: ""), {401}),
    "signature of another secret": (lambda w, b, _: (b, w.headers(b, secret=OTHER)), {401}),
    "signature of another body": (lambda w, b, _: (b, w.headers(b + " ")), {401}),
    "signature without its version": (with_header(SIGNATURE, lambda v: v.partition(",")[2]), {401}),
    "signature of version 2": (with_header(SIGNATURE, lambda v: "v2" + v[2:]), {401}),
    "asymmetric version": (with_header(SIGNATURE, lambda v: "v1a" + v[2:]), {401}),
    "two commas": (with_header(SIGNATURE, lambda v: v.replace(",", ",,")), {401}),
    "cut signature": (with_header(SIGNATURE, lambda v: v[:-4]), {401}),
    "signature that is no base64": (with_header(SIGNATURE, lambda _: "v1,@@@@"), {401}),
    "signature in hexadecimal": (with_header(SIGNATURE, lambda _: "v1," + "ab" * 32), {401}),
    "signature beyond ASCII": (with_header(SIGNATURE, lambda _: b"v1,\xff\xfe"), {401}),
    "signature in another case": (with_header(SIGNATURE, lambda v: "v1," + v[3:].swapcase()), {401}),
    "a thousand wrong ones before it": (with_header(SIGNATURE, lambda v: "v1,AAAA " * 1000 + v), {401}),
    "another id": (with_header(ID, lambda v: v + "x"), {401}),
    "an empty id": (with_header(ID, lambda _: ""), {401}),
    "an id with a dot": (lambda w, b, _: (b, w.headers(b, message="msg.1")), {401}),
    "a later time": (with_header(TIME, lambda v: str(int(v) + 1)), {401}),
    "a time with a fraction": (with_header(TIME, lambda v: v + ".5"), {401}),
    "a time that is no number": (with_header(TIME, lambda _: "nan"), {401}),
    "an infinite time": (with_header(TIME, lambda _: "inf"), {401}),
    "a negative time": (with_header(TIME, lambda v: "-" + v), {401}),
    "a huge time": (with_header(TIME, lambda _: "9" * 4000), {401}),
    "time and id swapped": (lambda _, b, h: (b, h | {ID: h[TIME], TIME: h[ID]}), {401}),
    "the id twice": (twice(ID), {401}),
    "the time twice": (twice(TIME), {401}),
    "the signature twice": (twice(SIGNATURE), {401}),
    "ten minutes late": (late(600), {401}),
    "a day late": (late(86_400), {401}),
    "six minutes late": (late(360), {401}),
    "six minutes early": (late(-360), {401}),
    "a changed byte": (with_body(lambda b: b.replace("approve", "apprOve")), {401}),
    "a blank more": (with_body(lambda b: b + " "), {401}),
    "another approval in the body": (with_body(lambda b: b.replace('-1"', '-2"', 1)), {401}),
    "an empty body": (with_body(lambda _: ""), {401}),
    "no JSON": (raw("approve"), {400}),
    "cut JSON": (with_body(lambda b: b[:-2]), {400}),
    "a key twice": (raw('{"type": "approval.decision", "type": "x"}'), {400}),
    "not UTF-8": (with_body(lambda b: b.encode() + b"\xff"), {400}),
    "JSON without end": (raw("[" * 500 + "]" * 500), {400}),
    "a list": (raw("[]"), {401}),
    "a text": (raw('"approve"'), {401}),
    "nothing in it": (raw("{}"), {401}),
    "no endpoint": (signing(endpoint_id=None), {401}),
    "an endpoint that is none": (signing(endpoint_id="ep_000000000000000000000000"), {401}),
    "an endpoint that is a list": (signing(endpoint_id=["ep_1"]), {401}),
    "an approval that is none": (signing(approval_id="none"), {404}),
    "the beginning of an approval": (
        lambda w, _, __: ((b := w.body(approval_id=w.approval["id"][:8])), w.headers(b)),
        {404},
    ),
    "an empty approval": (signing(approval_id=""), {404}),
    "an approval that is a number": (signing(approval_id=1), {422}),
    "another digest": (signing(digest="0" * 64), {409}),
    "an empty digest": (signing(digest=""), {409}),
    "no digest": (signing(digest=None), {422}),
    "no decision": (signing(decision=None), {422}),
    "a decision that is true": (signing(decision=True), {422}),
    "a decision that is a word": (signing(decision="approve"), {422}),
    "an unknown decision": (signing(decision={"type": "yes"}), {422}),
    "a decision with more in it": (signing(decision={"type": "approve", "goto": "execute"}), {422}),
    "two decisions": (signing(decision={"decisions": [{"type": "approve"}] * 2}), {422}),
    "a command": (signing(decision={"resume": True}), {422}),
    "an edit to another tool": (
        signing(decision={"type": "edit", "edited_action": {"name": "read", "args": {}}}),
        {422},
    ),
    "an edit that does not fit": (
        signing(decision={"type": "edit", "edited_action": {"name": "send", "args": {"to": 1}}}),
        {422},
    ),
    "another digest inside": (signing(decision={"type": "approve", "digest": "0" * 64}), {422}),
    "another type": (
        lambda w, b, _: ((c := b.replace("approval.decision", "approval.requested")), w.headers(c)),
        {422},
    ),
}


def test_the_table_is_long_enough():
    """At least forty."""
    assert len(REFUSED) >= 40


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_forged_late_or_malformed_is_refused_and_changes_nothing(waiting: Program, name: str):
    """With a status that is documented, and the question still open."""
    change, statuses = REFUSED[name]
    good = waiting.body()
    answer = waiting.send(*change(waiting, good, waiting.headers(good)))
    assert answer.status_code in statuses, answer.text
    assert waiting.endpoint["secret"] not in answer.text
    assert waiting.state == "pending"


def test_a_signed_decision_is_carried_out_and_let_in_once(office: Office, client: httpx.Client):
    """The thread goes on by itself; the same message again is a 409, and so is another for the same."""
    who = program(client, office)
    answer = who.decide()
    assert answer.status_code == 200
    assert answer.json()["approval"]["decided_by"] == f"webhook:{who.endpoint['id']}"
    assert settled(client, who.thread)["answer"] == "Sent."
    assert [each[0] for each in office.tools.made] == ["send"]
    assert {who.decide().status_code, who.decide("msg_2").status_code} == {409}
    assert len(office.tools.made) == 1


@pytest.mark.parametrize("seconds", [-240, 240])
def test_a_clock_may_be_some_minutes_off(office: Office, client: httpx.Client, seconds: int):
    """As Standard Webhooks has it."""
    who = program(client, office)
    body = who.body(decision={"type": "reject", "message": "no"})
    assert who.send(body, who.headers(body, late=timedelta(seconds=seconds))).status_code == 200
    assert who.state == "rejected"


def test_what_was_let_in_is_remembered_across_a_restart(tmp_path: Path):
    """The memory is in the database."""
    office = Office(tmp_path / "home")
    office.tools.gate.set()
    with serving(office) as client:
        who = program(client, office)
        body = who.body()
        headers = who.headers(body)
        assert who.send(body, headers).status_code == 200
        settled(client, who.thread)
    with serving(office) as client:
        again = Program(client, who.endpoint, who.approval, who.thread).send(body, headers)
        assert (again.status_code, again.json()["detail"]) == (409, "This message was here before.")
    assert len(office.tools.made) == 1


def test_an_endpoint_that_may_not_decide_does_not(office: Office, client: httpx.Client):
    """Whoever only listens has a secret, too."""
    who = program(client, office, may_decide=False)
    assert (who.decide().status_code, who.state) == (403, "pending")


def test_a_changed_secret_counts_and_a_removed_endpoint_does_not(office: Office, client: httpx.Client):
    """The old one for a day beside it."""
    who = program(client, office)
    path = f"/webhooks/endpoints/{who.endpoint['id']}"
    new = client.post(f"{path}/rotate").raise_for_status().json()["secret"]
    body = who.body(digest="0" * 64)
    for secret in (new, who.endpoint["secret"]):
        assert who.send(body, who.headers(body, secret=secret)).status_code == 409
    client.delete(path).raise_for_status()
    assert who.send(body, who.headers(body, secret=new)).status_code == 401
    assert who.state == "pending"


def test_the_arguments_can_be_changed_by_a_signed_message(office: Office, client: httpx.Client):
    """An edit is judged like every other, and what runs is the edited call."""
    who = program(client, office)
    edited = {"type": "edit", "edited_action": {"name": "send", "args": {"to": "d@e.f"}}}
    assert who.decide(decision=edited).status_code == 200
    settled(client, who.thread)
    assert [(tool, args) for tool, args, _ in office.tools.made] == [("send", {"to": "d@e.f"})]

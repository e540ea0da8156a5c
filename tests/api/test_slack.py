"""Slack's buttons: the message, and what Slack sends when one is pressed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import SecretStr

from nexus.errors import InvalidInput, Unidentified
from nexus.notify.sender import Sender
from nexus.notify.slack import SlackButtons
from nexus.settings import Settings
from nexus.testing import FakeClock
from tests.api.serving import Office, pause, serving, settled
from tests.servers.receiver import Receiver, receiving

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass
class SlackOffice(Office):
    """An office with a channel in Slack."""

    slack: str = ""
    signing_secret: str | None = SECRET

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            host="127.0.0.1",
            port=0,
            webhook_allow=("127.0.0.0/8",),
            slack_webhook_url=SecretStr(self.slack),
            slack_signing_secret=SecretStr(self.signing_secret) if self.signing_secret else None,
        )


@dataclass
class Member:
    """Somebody in the channel, and the question they see."""

    client: httpx.Client
    slack: Receiver
    office: SlackOffice
    thread: str
    approval: dict[str, Any]
    message: dict[str, Any]

    def payload(self, **changes: Any) -> dict[str, Any]:
        """What Slack says when the first button is pressed."""
        action = {"action_id": "approve", "value": self.buttons["approve"]["value"], "type": "button"}
        return {
            "type": "block_actions",
            "user": {"id": "U2147483697"},
            "actions": [action],
            "response_url": f"{self.slack.url}/answer",
        } | changes

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """Those of the message."""
        return {each["action_id"]: each for each in self.message["blocks"][-1]["elements"]}

    def press(self, payload: Any = None, *, late: int = 0, **headers: str) -> httpx.Response:
        """Send it as Slack does."""
        body = urlencode({"payload": json.dumps(self.payload() if payload is None else payload)})
        return self.send(body, signed(body, late=late) | headers)

    def send(self, body: str, headers: dict[str, str]) -> httpx.Response:
        """Send anything."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.post("/webhooks/slack", content=body, headers=kind | headers)

    @property
    def state(self) -> str:
        """The approval's."""
        return self.client.get(f"/approvals/{self.approval['id']}").json()["state"]


def signed(body: str, *, late: int = 0, secret: str = SECRET) -> dict[str, str]:
    """Slack's headers."""
    at = str(int(time.time()) - late)
    digest = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}


def member(client: httpx.Client, slack: Receiver, office: SlackOffice, **arguments: Any) -> Member:
    """A question that was posted."""
    slack.received.clear()
    thread, approval = pause(client, office, **arguments)
    slack.wait()
    return Member(client, slack, office, thread, approval, json.loads(slack.received[-1].body))


@pytest.fixture(name="slack", scope="module")
def _slack() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(name="opened", scope="module")
def _opened(slack: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Any]]:
    office = SlackOffice(tmp_path_factory.mktemp("slack") / "home", slack=slack.url)
    office.tools.gate.set()
    with serving(office) as client:
        yield client, office


@pytest.fixture(name="waiting", scope="module")
def _waiting(opened: tuple[httpx.Client, SlackOffice], slack: Receiver) -> Member:
    """A question that nothing here decides."""
    return member(opened[0], slack, opened[1])


def test_the_message_shows_the_call_without_markup_and_has_buttons(waiting: Member):
    """Everything others wrote is plain text; the link opens the page."""
    text = json.dumps(waiting.message)
    assert "a@b.c" in text
    *shown, comment, _ = waiting.message["blocks"]
    assert {block["text"]["type"] for block in shown} == {"plain_text"}
    assert (comment["block_id"], comment["element"]["action_id"]) == ("comment", "comment")
    assert set(waiting.buttons) == {"approve", "reject", "open"}
    assert "/decide?link=" in waiting.buttons["open"]["url"]


def test_slacks_own_example_is_let_in_in_its_time():
    """The secret, body and signature of Slack's documentation; what it says is no press of ours."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    then = FakeClock(datetime.fromtimestamp(1531420618, UTC))
    with pytest.raises(InvalidInput):
        SlackButtons(SECRET, sender=Sender(), clock=then).check(headers, body)
    with pytest.raises(Unidentified):
        SlackButtons(SECRET, sender=Sender(), clock=then).check(headers, body + b"&")
    with pytest.raises(Unidentified):
        SlackButtons(SECRET, sender=Sender(), clock=FakeClock()).check(headers, body)


FORGED: dict[str, Callable[[Member, str], dict[str, str]]] = {
    "not signed": lambda _, __: {},
    "another secret": lambda _, body: signed(body, secret="another"),
    "another body": lambda _, body: signed(body + " "),
    "late": lambda _, body: signed(body, late=400),
    "early": lambda _, body: signed(body, late=-400),
    "another version": lambda _, body: {
        **signed(body),
        "X-Slack-Signature": signed(body)["X-Slack-Signature"].replace("v0", "v1"),
    },
    "another time": lambda _, body: {**signed(body), "X-Slack-Request-Timestamp": str(int(time.time()) - 9)},
    "no time": lambda _, body: {**signed(body), "X-Slack-Request-Timestamp": ""},
    "a time that is none": lambda _, body: {**signed(body), "X-Slack-Request-Timestamp": "nan"},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_slack_did_not_sign_just_now_decides_nothing(waiting: Member, forge: Any):
    """It is answered 401."""
    body = urlencode({"payload": json.dumps(waiting.payload())})
    assert waiting.send(body, forge(waiting, body)).status_code == 401
    assert waiting.state == "pending"


def test_what_is_signed_and_no_press_decides_nothing(waiting: Member):
    """Other actions, links that are none, things that are no payload."""
    good = waiting.payload()["actions"][0]
    for changes in (
        {"type": "view_submission"},
        {"actions": []},
        {"actions": [good, good]},
        {"actions": [good | {"action_id": "open"}]},
        {"actions": [good | {"value": 1}]},
        {"actions": [good | {"value": "A" * 43}]},
        {"user": {"id": "<!channel>"}},
        {"user": None},
    ):
        assert waiting.press(waiting.payload(**changes)).status_code in {404, 422}
    for body in ("", "payload=", "payload=%7B", "payload=[]&payload=[]", "other=1", "payload=" + "[" * 9999):
        assert waiting.send(body, signed(body)).status_code == 422
    assert waiting.state == "pending"


def test_a_press_decides_once_and_the_message_says_how_it_ended(
    opened: tuple[httpx.Client, SlackOffice], slack: Receiver
):
    """Whoever presses second is told that it was too late."""
    client, office = opened
    office.tools.made.clear()
    pressing = member(client, slack, office)
    assert pressing.press().status_code == 200
    slack.wait()
    told = json.loads(slack.received[-1].body)
    assert (slack.received[-1].path, told["text"]) == ("/answer", "Approved by <@U2147483697>: send")
    assert told["blocks"][0]["text"]["type"] == "plain_text"
    assert settled(client, pressing.thread)["answer"] == "Sent."
    assert client.get(f"/approvals/{pressing.approval['id']}").json()["decided_by"] == "slack:U2147483697"
    assert pressing.press().status_code == 409
    slack.wait()
    assert json.loads(slack.received[-1].body)["text"] == "Too late: it is approved."
    assert len(office.tools.made) == 1


def test_what_takes_longer_than_slack_waits_is_answered_first_and_told_afterwards(
    opened: tuple[httpx.Client, SlackOffice], slack: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """Also if it comes to nothing: by then nobody else tells the person."""
    monkeypatch.setattr("nexus.api.slack.ANSWER_SECONDS", 0)
    pressing = member(opened[0], slack, opened[1])
    assert pressing.press().status_code == 200
    slack.wait()
    assert json.loads(slack.received[-1].body)["text"] == "Approved by <@U2147483697>: send"
    settled(opened[0], pressing.thread)
    assert pressing.press().status_code == 200, "whether it is too late is not known yet"
    slack.wait()
    assert json.loads(slack.received[-1].body)["text"] == "Too late: it is approved."


def test_a_call_that_is_not_shown_whole_has_no_yes_button(
    opened: tuple[httpx.Client, SlackOffice], slack: Receiver
):
    """Whoever approves has seen all of it: on the page."""
    client, office = opened
    asked = member(client, slack, office, to="a@b.c " + "x" * 5000)
    assert set(asked.buttons) == {"open"}
    assert "more characters)" in json.dumps(asked.message)


def test_without_the_signing_secret_there_are_no_buttons_and_none_is_taken(slack: Receiver, tmp_path: Path):
    """The link is there all the same."""
    office = SlackOffice(tmp_path / "home", slack=slack.url, signing_secret=None)
    with serving(office) as client:
        asked = member(client, slack, office)
        assert set(asked.buttons) == {"open"}
        body = urlencode({"payload": "{}"})
        assert asked.send(body, signed(body)).status_code == 404

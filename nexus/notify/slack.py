"""Slack with buttons: a message with the exact call, and what Slack says when somebody presses one.

What others wrote stands in `plain_text` objects, which Slack shows as it is: no markup, no link, no mention.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from nexus.core.signature import TOLERANCE
from nexus.errors import InvalidInput, Unidentified
from nexus.notify.channels import ApprovalOf, link_to
from nexus.notify.sender import Answer, Sender
from nexus.notify.wording import Question, question_of
from nexus.ports.clock import Clock
from nexus.ports.deliveries import Message
from nexus.ports.endpoints import Endpoint
from nexus.ports.links import Links

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
SLACK_LONGEST = 3_000
"""Characters that Slack lets a person write in one field."""

_USER = re.compile(r"[A-Z0-9]{1,30}")


class SlackCarrier:
    """Implements `nexus.notify.deliverer.Carrier` over an incoming webhook of Slack."""

    def __init__(
        self, url: str, *, sender: Sender, links: Links, approval_of: ApprovalOf, address: str, buttons: bool
    ) -> None:
        self._url = url
        self._sender = sender
        self._links = links
        self._approval_of = approval_of
        self._address = address
        self._buttons = buttons

    async def carry(self, endpoint: Endpoint, message: Message) -> Answer:
        """Ask people, unless somebody has decided meanwhile."""
        data = json.loads(message.body)["data"]
        link = await link_to(self._links, self._approval_of, endpoint, data, self._address, through="slack")
        if link is None:
            return Answer(200)
        question = question_of(data)
        # Whoever cannot see all of it there has to open the page to say yes.
        may_press = self._buttons and question.is_whole and data["question"] == "action"
        return await self._post(_message(question, *link, buttons=may_press))

    async def send(self, title: str, text: str) -> Answer:
        """Send a text. Raises NotDelivered."""
        return await self._post({"text": title, "blocks": [_section(text)]})

    async def _post(self, body: Mapping[str, Any]) -> Answer:
        return await self._sender.post(self._url, {}, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a button.

    Attributes:
        decision: approve or reject.
        link: The secret of the message's link.
        user: Slack's id of whoever did.
        comment: What they wrote beside the buttons, for people.
        answer_to: Where the message can be changed.
    """

    decision: str
    link: str
    user: str
    answer_to: str | None
    comment: str = ""


class SlackButtons:
    """What Slack sends when somebody presses a button.

    Args:
        signing_secret: Of the Slack app.
        sender: Changes the message afterwards.
        clock: Says how old a request is.
    """

    def __init__(self, signing_secret: str, *, sender: Sender, clock: Clock) -> None:
        self._secret = signing_secret.encode()
        self._sender = sender
        self._clock = clock

    def check(self, headers: Mapping[str, str], body: bytes) -> Press:
        """What a request says.

        Raises:
            Unidentified: It is not signed with the app's signing secret, or too long ago.
            InvalidInput: It is signed, but no press of a button of ours.
        """
        sent_at, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        signed = b"v0:" + sent_at.encode() + b":" + body
        wanted = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        is_signed = hmac.compare_digest(f"v0={wanted}".encode(), given.encode())
        if not is_signed or not _TIMESTAMP.fullmatch(sent_at):
            raise Unidentified(
                "The message is not signed by Slack.",
                remedy="NEXUS_SLACK_SIGNING_SECRET has to be the app's.",
            )
        if abs(self._clock.now().timestamp() - int(sent_at)) > TOLERANCE.total_seconds():
            raise Unidentified("The message is too old, or one of the two clocks is wrong.")
        return _press(body)

    async def tell(self, answer_to: str, text: str) -> None:
        """Put a text in the place of a message. Raises NotDelivered."""
        body = {"replace_original": True, "text": text, "blocks": [_section(text)]}
        await self._sender.post(answer_to, {}, json.dumps(body).encode())


def _press(body: bytes) -> Press:
    try:
        fields = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)
        (payload,) = fields.get("payload", [])
        sent = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _no_press() from error
    match sent:
        case {
            "type": "block_actions",
            "user": {"id": str(user)},
            "actions": [{"action_id": "approve" | "reject" as decision, "value": str(link)}],
        } if _USER.fullmatch(user):
            answer_to = sent.get("response_url")
            answer_to = answer_to if isinstance(answer_to, str) else None
            return Press(str(decision), link, user, answer_to, _comment(sent))
        case _:
            raise _no_press()


def _comment(sent: Mapping[str, Any]) -> str:
    match sent:
        case {"state": {"values": {"comment": {"comment": {"value": str(comment)}}}}}:
            return comment.strip()
        case _:
            return ""


def _message(question: Question, secret: str, url: str, *, buttons: bool) -> dict[str, Any]:
    elements: list[dict[str, Any]] = []
    blocks = [{"type": "header", "text": _plain(question.title)}, _section(question.text)]
    if buttons:
        blocks.append(_COMMENT)
        elements += [
            _button("approve", "Approve", style="primary", value=secret),
            _button("reject", "Reject", style="danger", value=secret),
        ]
    elements.append(_button("open", "See it", url=url))
    return {
        "text": question.title,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [*blocks, {"type": "actions", "elements": elements}],
    }


def _button(action: str, label: str, **more: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": _plain(label), **more}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


_COMMENT = {
    "type": "input",
    "block_id": "comment",
    "optional": True,
    "label": _plain("Comment: kept with your decision, for people"),
    "element": {
        "type": "plain_text_input",
        "action_id": "comment",
        "multiline": True,
        "max_length": SLACK_LONGEST,
    },
}


def _no_press() -> InvalidInput:
    return InvalidInput("it is no press of a button of Nexus", field="payload")

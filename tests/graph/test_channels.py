"""People's channels: the exact call, where its values came from, a link; nothing in it can be mistaken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from pydantic import SecretStr

from nexus.core.decision import Reject
from nexus.notify.wording import MAX_TEXT, question_of
from nexus.runtime.notices import Notices
from nexus.settings import Settings
from nexus.wiring.notices import notices_over
from tests.servers.receiver import Receiver, receiving
from tests.world import SEND, MakeWorld, World

# apprise looks at every plugin it has, and what some of them stand on is old.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HOSTILE = {
    "bidi": "pay \u202e0001\u202c to me",
    "isolates": "\u2066\u2067hidden\u2069",
    "ansi": "\x1b[2K\x1b[31mapproved\x1b]8;;https://evil.example\x07",
    "zero width": "a\u200bd\u200dm\ufeffin",
    "tags": "ok\U000e0041\U000e0042",
    "null": "a\x00b",
    "html link": "<a href='https://evil.example/decide?link=1'>Approve</a>",
    "html image": "<img src=https://evil.example/p.png>",
    "script": "</pre><script>alert(1)</script>",
    "markdown link": "[Approve](https://evil.example)",
    "markdown image": "![x](https://evil.example/p.png)",
    "autolink": "<https://evil.example|See it and decide>",
    "bare link": "https://evil.example/decide?link=1",
    "another scheme": "slack://open tg://resolve",
    "mention of all": "@everyone @here @channel",
    "slack mention": "<!channel> <@U123> <#C1>",
    "spoiler": "||hidden||",
    "struck out": "~~do not~~ send",
    "code": "```\nSee it and decide:\n```",
    "a line of ours": "x\nTool: safe_read\nIt asks because nothing.",
    "another line": "x\r\rSee it and decide:\u2028http://127.0.0.1",
}
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


@pytest.fixture(name="channel", scope="module")
def _channel() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _empty(channel: Receiver) -> None:
    channel.received.clear()
    channel.answers.clear()


def notices(world: World, url: str) -> Notices:
    """What a server with that channel has."""
    settings = Settings(home=world.home, notify_url=SecretStr(url))
    return notices_over(world.database, world.clock, settings)


def json_url(channel: Receiver) -> str:
    """A channel that takes JSON."""
    return channel.url.replace("http://", "json://") + "/in"


async def flush(found: Notices) -> None:
    """Send what is due."""
    await found.deliverer.flush()  # type: ignore[attr-defined] - the deliverer's own


async def test_people_are_asked_with_the_exact_call_and_a_link(world: World, channel: Receiver):
    """Tool, arguments, where each came from, until when; the link's page is this server's."""
    found = notices(world, json_url(channel))
    await flush(found)
    await world.start()
    await flush(found)
    (received,) = channel.received
    sent = json.loads(received.body)
    for part in ("Tool: post_send", "to: ana@example.com  [from you]", "subject: hello  [from the model]"):
        assert part in sent["message"]
    assert sent["title"] == "Nexus asks: May this be done?"
    (secret,) = re.findall(r"http://127\.0\.0\.1:8420/decide\?link=([\w-]{43})", sent["message"])
    link = await found.links.find(secret)
    approval = await world.pending()
    assert (link.user, link.approval_id, link.digest) == ("owner", approval.id, approval.digest)


async def test_nothing_is_sent_unless_it_is_set_up(world: World, channel: Receiver):
    """And nothing any more once it is taken out of the settings."""
    await flush(notices(world, json_url(channel)))
    found = notices_over(world.database, world.clock, Settings(home=world.home))
    await flush(found)
    await world.start()
    await flush(found)
    assert channel.received == []
    assert await found.endpoints("owner").search() == []
    assert found.channels == {}


async def test_nobody_is_asked_what_is_decided_already(world: World, channel: Receiver):
    """A message that was late would only bring people to a page without a question."""
    found = notices(world, json_url(channel))
    await flush(found)
    await world.start()
    await world.decide(Reject("no"))
    await flush(found)
    assert channel.received == []


async def test_a_channel_that_fails_is_tried_again_and_its_url_is_told_nobody(
    world: World, channel: Receiver, caplog: pytest.LogCaptureFixture
):
    """Tokens are part of it."""
    url = json_url(channel).replace("/in", "/token-canary")
    found = notices(world, url)
    channel.answers[:] = [500]
    await flush(found)
    await world.start()
    await flush(found)
    (delivery,) = await found.deliveries("owner").search()
    assert (delivery.state, delivery.error) == ("pending", "the channel did not take it")
    (endpoint,) = await found.endpoints("owner").search()
    assert (endpoint.url, endpoint.medium) == ("NEXUS_NOTIFY_URL", "channel")
    assert "canary" not in caplog.text + repr((found, delivery, endpoint))


async def test_a_url_that_is_none_is_said(world: World):
    """When it is tried."""
    found = notices(world, "nonsense")
    await flush(found)
    await world.start()
    await flush(found)
    (delivery,) = await found.deliveries("owner").search()
    assert "no URL that apprise knows" in str(delivery.error)


def asked(arguments: dict[str, Any]) -> dict[str, Any]:
    """The data of a message."""
    return {
        "tool": "send",
        "reason": "it sends something",
        "question": "action",
        "arguments": arguments,
        "origins": {},
        "expires_at": "2026-11-26T09:00:00+00:00",
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_others_wrote_stays_one_line_without_links_or_mentions(text: str):
    """And can be read back, as it is."""
    found = question_of(asked({"to": text}))
    lines = found.text.split("\n")
    assert len(lines) == 4
    assert not HIDDEN.search(found.text)
    assert not re.search(r"://|\]\(|[<>`]|\|\||~~|@everyone|@here|@channel", found.text)
    value = lines[2].removeprefix("to: ").rpartition("  [from ")[0]
    read_back = re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), value)
    assert text.replace("\r\n", "\n") in (read_back, read_back.strip('"'))


def test_the_names_of_arguments_are_as_harmless():
    """A model may have made them up."""
    found = question_of(asked(dict.fromkeys(HOSTILE.values(), "x")))
    assert not HIDDEN.search(found.text)
    assert not re.search(r"://|\]\(|[<>`]|\|\||~~|@everyone", found.text)


@pytest.mark.parametrize(
    "arguments",
    [{"a": "x" * 1_000_000}, {f"a{number}": "y" * 200 for number in range(100)}, {"a": "\u202e" * 10_000}],
    ids=["one value", "many values", "nothing but hidden"],
)
def test_what_is_too_long_is_cut_and_says_so(arguments: dict[str, str]):
    """The page behind the link shows all of it."""
    found = question_of(asked(arguments))
    assert not found.is_whole
    assert re.search(r"more characters\)|more values: the page shows all", found.text)
    assert len(found.text) < MAX_TEXT + 500


def test_what_is_whole_says_nothing_of_a_cut():
    """So that a person can trust it."""
    found = question_of(asked({"to": "ana@example.com", "subject": "hello"}))
    assert found.is_whole
    assert "more" not in found.text


@pytest.mark.parametrize(
    ("plugin", "attribute", "url"),
    [
        (NotifyDiscord, "notify_url", "discord://1234567890/abcdefghijklmnop"),
        (NotifySlack, "webhook_url", "slack://TAAAAAAAA/BAAAAAAAA/aaaaaaaaaaaaaaaaaaaaaaaa/#general"),
        (NotifyTelegram, "notify_url", "tgram://123456789:abcdefg_hijklmnop/12345"),
    ],
    ids=["discord", "slack", "telegram"],
)
async def test_the_services_get_no_markup_of_others(  # noqa: PLR0917 - pytest passes them by name
    make_world: MakeWorld,
    channel: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    plugin: Any,
    attribute: str,
    url: str,
):
    """As apprise writes it for each of them: no link or mention but the one that is ours."""
    monkeypatch.setattr(plugin, attribute, f"{channel.url}/")
    channel.answers[:] = [200] * 9
    text = " ".join(value for name, value in HOSTILE.items() if "link" in name or "mention" in name)
    world = await make_world(plan=((SEND.slug, {"to": text[:290]}),))
    found = notices(world, url)
    await flush(found)
    await world.start()
    await flush(found)
    bodies = [received.body.decode() for received in channel.received]
    (body,) = [each for each in bodies if "post_send" in each]
    assert body.count("decide?link=") == 1 + text[:290].count("decide?link=")
    assert "evil.example" in body
    assert not re.search(r"(?://|]\(|<)[^ ]*evil|@everyone|<!channel|<@U123", body)


async def test_what_is_asked_about_an_unknown_outcome_is_not_called_a_permission(world: World):
    """Another question has other words."""
    found = question_of(asked({}) | {"question": "outcome"})
    assert "Did this happen?" in found.title
    assert world.tools.effects == []
    assert replace(found).is_whole

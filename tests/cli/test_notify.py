"""`nexus notify test`: whether people's channels are reached."""

from __future__ import annotations

import json

import pytest

from tests.cli.console import Home
from tests.servers.receiver import receiving

# apprise looks at every plugin it has, and what some of them stand on is old.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_without_a_channel_it_says_how_to_set_one_up(home: Home) -> None:
    """And sends nothing."""
    tried = home.nexus("notify", "test")
    assert tried.code == 0
    assert "NEXUS_NOTIFY_URL" in tried.err


def test_each_channel_is_tried_and_what_failed_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message asks nothing; the URL is repeated nowhere."""
    with receiving() as receiver:
        monkeypatch.setenv("NEXUS_NOTIFY_URL", receiver.url.replace("http://", "json://") + "/canary")
        assert home.nexus("notify", "test").code == 0
        (received,) = receiver.received
        assert json.loads(received.body)["message"] == "This is a test. It asks nothing."
        receiver.answers[:] = [500]
        monkeypatch.setenv("NEXUS_SLACK_WEBHOOK_URL", f"{receiver.url}/canary")
        tried = home.nexus("notify", "test", "--json")
    assert tried.code == 5
    problems = {line["channel"]: line["problem"] for line in tried.lines}
    assert problems["NEXUS_NOTIFY_URL"] == "the channel did not take it"
    assert "leads to this machine" in problems["NEXUS_SLACK_WEBHOOK_URL"]
    assert "canary" not in tried.out + tried.err

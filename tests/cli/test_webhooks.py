"""`nexus webhooks`: endpoints and their log, without a model."""

from __future__ import annotations

from tests.cli.console import Home

URL = "https://hooks.example.com/nexus"


def test_an_endpoint_is_added_listed_rotated_and_removed(home: Home) -> None:
    """Its secret is shown when it is made, and never again."""
    (added,) = home.nexus("webhooks", "add", URL, "--event", "run.completed", "--json").lines
    assert added["secret"].startswith("whsec_")
    (listed,) = home.nexus("webhooks", "list", "--json").lines
    assert (listed["url"], listed["events"], listed["may_decide"]) == (URL, ["run.completed"], False)
    (rotated,) = home.nexus("webhooks", "rotate", added["endpoint_id"], "--json").lines
    assert rotated["secret"] != added["secret"]
    shown = home.nexus("webhooks", "list").out
    assert not any(each["secret"] in shown for each in (added, rotated))
    assert home.nexus("webhooks", "remove", added["endpoint_id"]).code == 0
    assert "No program is told" in home.nexus("webhooks", "list").err


def test_what_cannot_be_an_endpoint_is_said_and_changes_nothing(home: Home) -> None:
    """With the field and the remedy."""
    for url in ("http://hooks.example.com/", "https://127.0.0.1/", "hooks.example.com"):
        refused = home.nexus("webhooks", "add", url)
        assert refused.code == 2
        assert "url:" in refused.err
    assert "--event" in home.nexus("webhooks", "add", URL, "--event", "approval.*").err
    assert home.nexus("webhooks", "rotate", "ep_none").code == 2
    assert home.nexus("webhooks", "list", "--json").lines == []


def test_what_waits_is_in_the_log_and_can_be_sent_again(home: Home) -> None:
    """The server sends; what it could not is listed here."""
    assert "Nothing was sent" in home.nexus("webhooks", "deliveries").err
    assert home.nexus("webhooks", "replay", "del_none").code == 2

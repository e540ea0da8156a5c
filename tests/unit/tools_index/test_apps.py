from __future__ import annotations

import pytest

from nexus.tools.apps import Apps

APPS = Apps(["gmail", "gmail", "google", "googledrive", "one_drive", "box", "hubspot", "", "discord bot"])


@pytest.mark.parametrize(
    ("request_text", "named"),
    [
        ("send it with Gmail", {"gmail"}),
        ("GMAIL, then HubSpot", {"gmail", "hubspot"}),
        ("put it on google drive", {"googledrive"}),
        ("put it on OneDrive", {"one_drive"}),
        ("put it on one drive", {"one_drive"}),
        ("ask google's search", {"google"}),
        ("tell the Discord bot", {"discord bot"}),
        ("open the box", {"box"}),
        ("gmailing", set()),
        ("drive", set()),
        ("", set()),
    ],
)
def test_apps_are_named_in_one_word_or_several(request_text: str, named: set[str]):
    assert APPS.named_in(request_text) == named


def test_tools_are_told_by_their_app():
    assert APPS.tools_of({"gmail", "box", "unknown"}).tolist() == [
        True,
        True,
        *[False] * 3,
        True,
        *[False] * 3,
    ]
    assert not APPS.tools_of(()).any()


def test_no_tools_have_no_apps():
    assert Apps([]).named_in("gmail") == set()
    assert Apps([]).tools_of({"gmail"}).tolist() == []

"""`nexus audit`: what happened, and whether the record of it was changed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise

from tests.cli.console import Home


def send(home: Home) -> None:
    """Send a mail, approved in advance."""
    home.will_say(("desk_send", {"to": "ana@example.com", "subject": "hello"}))
    assert home.nexus("run", "Mail ana@example.com hello", "--yes-to", "desk_send").code == 0


def test_the_log_tells_a_run_and_is_exported_a_line_each(home: Home) -> None:
    send(home)
    listed = home.nexus("audit", "list")
    assert [line.split("\t")[3] for line in listed.out.splitlines()][-1] == "run.completed"
    lines = [json.loads(line) for line in home.nexus("audit", "export").out.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(later["previous"] == earlier["hash"] for earlier, later in pairwise(lines))
    behind = home.nexus("audit", "list", "--after", "2", "--limit", "1", "--json")
    assert json.loads(behind.out)["number"] == 3


def test_verify_says_whole_or_changed_and_leaves_so(home: Home) -> None:
    send(home)
    whole = home.nexus("audit", "verify", "--json")
    found = json.loads(whole.out)
    assert (whole.code, found["problem"]) == (0, None)
    assert home.nexus("audit", "verify", "--expect", found["head"]).code == 0
    with closing(sqlite3.connect(home.path / "nexus.db")) as database:
        database.execute("DROP TRIGGER audit_stays")
        database.execute("UPDATE audit SET data = replace(data, 'desk_send', 'desk_lend') WHERE number = 1")
        database.commit()
    changed = home.nexus("audit", "verify")
    assert changed.code == 1
    assert "event 1 was changed" in changed.out


def test_an_end_that_cannot_be_one_is_a_named_error(home: Home) -> None:
    wrong = home.nexus("audit", "verify", "--expect", "yesterday")
    assert wrong.code == 2
    assert "NUMBER:HASH" in wrong.err

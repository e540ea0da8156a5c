"""Decision links: opening one shows the exact action; only the form on its page decides, once."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus.core.forms import VALID, form_token
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.links import SqliteLinks
from nexus.testing import FakeClock
from tests.api.serving import Office, pause, serving, settled

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@dataclass
class Visitor:
    """Somebody with a link."""

    client: httpx.Client
    office: Office
    thread: str
    approval: dict[str, Any]
    secret: str

    def open(self, secret: str | None = None) -> httpx.Response:
        """Open the link in a browser."""
        link = self.secret if secret is None else secret
        return self.client.get("/decide", params={"link": link}, headers=BROWSER)

    @property
    def token(self) -> str:
        """The token on the page."""
        (found,) = re.findall(r'name="token" value="([^"]+)"', self.open().text)
        return html.unescape(found)

    def send(self, decision: str = "approve", headers: Any = None, **changes: Any) -> httpx.Response:
        """Send the form."""
        form = {"link": self.secret, "token": self.token, "decision": decision, "message": ""} | changes
        return self.client.post("/decide", data=form, headers=headers)

    @property
    def state(self) -> str:
        """The approval's."""
        return self.client.get(f"/approvals/{self.approval['id']}").json()["state"]


def link_to(office: Office, approval_id: str, user: str = "owner") -> str:
    """The secret of a new link, made as a message to a person does."""

    async def made() -> str:
        database = Database(office.home / "nexus.db", office.clock)
        try:
            approval = await SqliteApprovals(database, user).get(approval_id)
            return await SqliteLinks(database).make(user, approval, through="test")
        finally:
            await database.close()

    return asyncio.run(made())


def visit(client: httpx.Client, office: Office, **arguments: Any) -> Visitor:
    """A question that waits, and somebody with a link to it."""
    thread, approval = pause(client, office, **arguments)
    return Visitor(client, office, thread, approval, link_to(office, approval["id"]))


@pytest.fixture(name="visitor", scope="module")
def _visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A question that nothing here decides."""
    office = Office(tmp_path_factory.mktemp("links") / "home", clock=FakeClock())
    office.tools.gate.set()
    with serving(office) as client:
        yield visit(client, office)


def test_opening_a_link_shows_the_exact_action_and_decides_nothing(visitor: Visitor):
    """However often, and by whatever: scanners click every link."""
    for _ in range(50):
        shown = visitor.open()
        assert shown.status_code == 200
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
        visitor.client.request(method, "/decide", params={"link": visitor.secret})
    text = html.unescape(visitor.open().text)
    assert all(part in text for part in ("a@b.c", "send", visitor.approval["digest"], "from: you"))
    assert visitor.state == "pending"


def test_the_page_takes_nothing_from_elsewhere_and_runs_no_script(visitor: Visitor):
    """And nobody keeps it, frames it, or learns the link from it."""
    shown = visitor.open()
    policy = shown.headers["content-security-policy"]
    for part in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "script" not in policy
    assert "<script" not in shown.text
    assert not re.findall(r'(?:src|href|action)="(?!/)', shown.text)
    assert shown.headers.get_list("referrer-policy") == ["same-origin"]
    assert shown.headers["cache-control"] == "no-store"
    style = visitor.client.get("/static/nexus.css")
    assert (style.status_code, "url(" in style.text) == (200, False)


FORGED: dict[str, dict[str, Any]] = {
    "no token": {"token": ""},
    "a made-up token": {"token": f"1795597200.{'0' * 64}"},
    "a token that is no token": {"token": "approve"},
    "a token beyond ASCII": {"token": "\u0661.\u0662"},
    "no link": {"link": ""},
    "another link": {"link": "A" * 43},
    "a long link": {"link": "A" * 5000},
    "no decision": {"decision": ""},
    "an unknown decision": {"decision": "yes"},
    "an edit": {"decision": "edit"},
    "a long reason": {"decision": "reject", "message": "x" * 4001},
    "nothing to say": {"decision": "respond"},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_a_forged_form_decides_nothing(visitor: Visitor, changes: dict[str, Any]):
    """And is answered with what is wrong."""
    answer = visitor.send(**changes)
    assert 400 <= answer.status_code < 500, answer.text
    assert visitor.state == "pending"


def test_a_form_that_is_none_decides_nothing(visitor: Visitor):
    """JSON, several of a field, parts of a form, a link in the address."""
    token = visitor.token
    fields = f"link={visitor.secret}&token={token}&decision=approve"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (f"{fields}&decision=reject", f"{fields}&", "%", "&".join(["a=b"] * 50), ""):
        assert 400 <= visitor.client.post("/decide", content=body, headers=kind).status_code < 500
    json = {"link": visitor.secret, "token": token, "decision": "approve"}
    assert visitor.client.post("/decide", json=json).status_code == 415
    assert visitor.client.post(f"/decide?{fields}").status_code == 404
    assert visitor.state == "pending"


def test_another_site_cannot_send_the_form(visitor: Visitor):
    """Even with everything in it; a browser says where it came from."""
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        assert visitor.send(headers={"Origin": origin}).status_code == 403
    assert visitor.state == "pending"


def test_a_page_that_was_open_for_too_long_decides_nothing(visitor: Visitor):
    """Nor one from the future. Opening the link again helps."""
    token = visitor.token
    assert isinstance(visitor.office.clock, FakeClock)
    visitor.office.clock.advance(VALID + timedelta(seconds=1))
    assert visitor.send(token=token).status_code == 401
    ahead = form_token("key", visitor.approval["digest"], now=visitor.office.clock.now())
    assert visitor.send(token=ahead).status_code == 401
    assert visitor.state == "pending"


def test_what_is_wrong_is_a_page_for_a_person(visitor: Visitor):
    """With the status that programs get."""
    gone = visitor.open("nothing")
    assert gone.status_code == 404
    assert gone.headers["content-type"].startswith("text/html")
    assert "leads to nothing" in gone.text


def test_the_form_decides_and_the_thread_goes_on(office: Office, client: httpx.Client):
    """Once: the link then only shows what became of it."""
    visitor = visit(client, office)
    token = visitor.token
    answer = visitor.send(headers={"Origin": str(client.base_url)})
    assert answer.status_code == 200
    assert "approved by link:test:owner" in answer.text
    assert settled(client, visitor.thread)["answer"] == "Sent."
    assert len(office.tools.made) == 1
    again = client.post("/decide", data={"link": visitor.secret, "token": token, "decision": "reject"})
    assert again.status_code == 409
    assert visitor.state == "approved"
    shown = visitor.open()
    assert (shown.status_code, "<form" in shown.text) == (200, False)


def test_a_double_click_decides_once(office: Office, client: httpx.Client):
    """Whoever is second is told so."""
    visitor = visit(client, office)
    form = {"link": visitor.secret, "token": visitor.token, "decision": "approve"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/decide", data=form).status_code, range(8)))
    assert sorted(answers) == [200, *[409] * 7]
    settled(client, visitor.thread)
    assert len(office.tools.made) == 1


def test_a_reason_goes_to_the_model(office: Office, client: httpx.Client):
    """As from everywhere else."""
    visitor = visit(client, office)
    assert visitor.send("reject", message="Not on a Friday.").status_code == 200
    approval = client.get(f"/approvals/{visitor.approval['id']}").json()
    assert (approval["state"], approval["message"]) == ("rejected", "Not on a Friday.")


def test_a_link_is_for_one_approval_and_its_call(office: Office, client: httpx.Client):
    """The token of one page is no use with another link."""
    one, other = visit(client, office, to="a@b.c"), visit(client, office, to="d@e.f")
    assert one.send(link=other.secret).status_code == 401
    assert replace(one, secret=other.secret).open().text.count("d@e.f") == 1
    assert (one.state, other.state) == ("pending", "pending")


def test_a_link_is_over_with_its_approval(tmp_path: Path):
    """No answer is a no."""
    clock = FakeClock()
    office = Office(tmp_path / "home", clock=clock)
    with serving(office) as client:
        visitor = visit(client, office)
        clock.advance(timedelta(days=1) - timedelta(minutes=1))
        token = visitor.token
        clock.advance(timedelta(minutes=2))
        answer = client.post("/decide", data={"link": visitor.secret, "token": token, "decision": "approve"})
        assert answer.status_code in {409, 410}
        assert visitor.state == "expired"
        assert "expired" in visitor.open().text


HIDDEN = re.compile("[\x00\x07\x1b\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
HOSTILE = {
    "bidi": "pay \u202e0001\u202c to me",
    "isolates": "\u2066\u2067hidden\u2069\u2069",
    "ansi": "\x1b[2K\x1b[1A\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "zero width": "a\u200bd\u200cm\u200di\ufeffn",
    "tags": "ok\U000e0041\U000e0042",
    "html": "</pre></dd><form action=//evil.example><script>alert(1)</script><!--",
    "attribute": "\" autofocus onfocus=alert(1) x='",
    "template": "{{ 7*7 }} {% include 'x' %} ${7*7}",
    "markdown": "[Approve](https://evil.example) ![x](https://evil.example/p.png) **bold**",
    "null": "a\x00b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_shown_as_what_it_is(office: Office, client: httpx.Client, text: str):
    """Escaped for the page, with what hides or reorders spelled out."""
    visitor = visit(client, office, to=text)
    shown = visitor.open()
    assert shown.status_code == 200
    assert not re.search(r"<script|<form action=//|onfocus=alert\(1\) x='\"", shown.text)
    assert not re.search(
        "[\x00\x07\x1b\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]", shown.text
    )
    (value,) = re.findall(r"<pre[^>]*>(.*?)</pre>", shown.text, re.DOTALL)[:1]
    read_back = re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), html.unescape(value))
    assert text in (read_back, read_back.strip('"'))


def test_a_long_text_is_shown_whole(office: Office, client: httpx.Client):
    """A million characters, most of which have to be spelled out: nothing hides behind a cut."""
    text = "a\u202e" * 500_000 + " the end"
    visitor = visit(client, office, to=text)
    assert text.replace("\u202e", "\\u{202e}") in html.unescape(visitor.open().text)

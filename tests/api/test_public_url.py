"""Behind whatever serves the public URL: its name is let in, and so are its own pages; no other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from nexus.settings import Settings, load_settings
from tests.api.serving import Office, serving

NAME = "nexus.example.com"


@dataclass
class PublicOffice(Office):
    """An office that is reached by another name."""

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, host="127.0.0.1", port=0, public_url=f"https://{NAME}/")


@pytest.fixture(name="public", scope="module")
def _public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(PublicOffice(tmp_path_factory.mktemp("public") / "home")) as client:
        yield client


@pytest.mark.parametrize("host", [NAME, f"{NAME}:443", "127.0.0.1", "localhost"])
def test_its_name_is_answered(public: httpx.Client, host: str):
    """Beside those of this machine."""
    assert public.get("/ok", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", [f"evil.{NAME}", f"{NAME}.evil.example", "example.com", "evil.example"])
def test_no_other_name_is(public: httpx.Client, host: str):
    """Nor one that only looks like it."""
    assert public.get("/ok", headers={"Host": host}).status_code == 421


def test_its_own_page_may_send_the_form_and_no_other(public: httpx.Client):
    """The browser says https, the connection comes without TLS and a port of its own."""
    form = {"link": "none", "token": "none", "decision": "approve"}
    for origin, status in (
        (f"https://{NAME}", 404),
        (f"http://{NAME}:8443", 403),
        (f"https://{NAME}.evil.example", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ):
        headers = {"Host": NAME, "Origin": origin}
        assert public.post("/decide", data=form, headers=headers).status_code == status, origin


def test_links_begin_with_it(tmp_path: Path):
    """Without one, with the address the server listens at."""
    assert Settings(home=tmp_path, public_url=f"https://{NAME}/").address == f"https://{NAME}"
    assert Settings(home=tmp_path, host="::1", port=1).address == "http://[::1]:1"


@pytest.mark.parametrize("url", ["nexus.example.com", "ftp://a", "https://a/b", "https://a@b", "https://a?b"])
def test_what_is_no_address_is_refused_at_the_start(url: str):
    """With the setting's name."""
    with pytest.raises(Exception, match="NEXUS_PUBLIC_URL"):
        load_settings(public_url=url)

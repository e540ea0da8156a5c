"""Real weights and apps over HTTP: the right tools of several apps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.apps import STORY, approving, apps_of, made
from tests.bench.desk_systems import MeteredEngine
from tests.servers.composio.standin import ComposioStandIn

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]


async def test_the_newest_bug_report_is_found_in_one_app_and_mailed_with_another(
    default_engine: MeteredEngine, tmp_path: Path
) -> None:
    standin = ComposioStandIn()
    async with apps_of(standin, default_engine, tmp_path) as service:
        await approving(service, STORY)
    (mail,) = made(standin, "GMAIL_SEND_EMAIL")
    assert mail["recipient_email"] == "triage@example.com"
    assert "login" in str(mail).lower()
    assert (standin.posts("GMAIL_SEND_EMAIL"), standin.effects("GMAIL_SEND_EMAIL")) == (1, 1)
    assert standin.guard.violations == []

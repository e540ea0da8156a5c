"""`nexus doctor`: is everything there, and what to do if not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import Entry, ModelSetting, entry_of

if TYPE_CHECKING:
    from nexus.cli.health import Check
    from nexus.cli.session import Session
    from nexus.settings import Settings


def doctor(
    context: typer.Context,
    *,
    model: ModelSetting = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the machine, the home folder, the model and what waits for you."""
    from nexus.cli.exits import DONE, FAILED
    from nexus.cli.session import carry_out

    async def work(session: Session) -> int:
        checks = await _examine(entry_of(context), model)
        _show(session, checks)
        return FAILED if any(check.level == "bad" for check in checks) else DONE

    carry_out(work, as_json=as_json)


async def _examine(entry: Entry, model: str | None) -> list[Check]:
    """Every finding, in the order of what depends on what."""
    from nexus.cli.health import Check, check_machine
    from nexus.cli.health_composio import check_composio
    from nexus.cli.health_model import check_model
    from nexus.cli.health_tools import check_own_tools
    from nexus.errors import SettingsInvalid
    from nexus.settings import load_settings

    try:
        settings = load_settings(model=model)
    except SettingsInvalid as error:
        return [Check("settings", "bad", error.message, error.remedy)]
    found = [*check_machine(settings)]
    found += [check async for check in check_model(settings)]
    found += [check async for check in check_own_tools(settings)]
    found += [check async for check in check_composio(settings)]
    return [*found, *await _examine_store(entry, settings)]


async def _examine_store(entry: Entry, settings: Settings) -> list[Check]:
    """What the running parts say: tools, index, what waits. Nothing is made where nothing is yet."""
    from nexus.cli.health import Check
    from nexus.cli.health_service import check_service, check_users
    from nexus.errors import NexusError

    if not (settings.home / "nexus.db").exists():
        return [Check("store", "ok", "empty: nothing was asked for yet")]
    try:
        async with entry.open_service(settings) as service:
            found = [check async for check in check_service(service)]
        async with entry.open_users(settings) as users:
            return [*found, check_users(await users.search())]
    except NexusError as error:
        return [Check("store", "bad", error.message, error.remedy)]


def _show(session: Session, checks: list[Check]) -> None:
    """A line each, with its remedy; or everything as one object."""
    from nexus.cli.watcher import JsonLines

    if isinstance(session.watcher, JsonLines):
        facts = [
            {"name": check.name, "level": check.level, "text": check.text, "remedy": check.remedy}
            for check in checks
        ]
        session.watcher.event({"ok": all(check.level != "bad" for check in checks), "checks": facts})
        return
    tones = {"ok": "good", "warn": "warn", "bad": "bad"}
    for check in checks:
        session.watcher.note(f"{check.level:>4}  {check.name}: {check.text}", tone=tones[check.level])
        if check.remedy:
            session.watcher.note(f"      → {check.remedy}", tone="plain")

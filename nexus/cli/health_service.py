"""What the running parts say of themselves to `nexus doctor`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from nexus.cli.health import Check
from nexus.ports.users import User
from nexus.runtime.service import Service

_PROBE = "send an e-mail"
_LOOKED_AT = 200
_NAMED = 10


async def check_service(service: Service) -> AsyncIterator[Check]:
    """Tools, index, approvals and threads."""
    tools = service.parts.tools.all()
    if tools:
        yield Check("tools", "ok", f"{len(tools)} enabled")
    else:
        yield Check("tools", "bad", "none is enabled", "See: nexus tools list, nexus tools enable NAME")
    yield await _index(service)
    yield await _approvals(service)
    yield await _threads(service)


def check_users(users: Sequence[User]) -> Check:
    """Whether requests need a key, and who has one."""
    if not users:
        return Check("users", "ok", "none: programs on this machine are you, and need no key")
    valid = [user.id for user in users if user.revoked_at is None]
    names = f" ({', '.join(valid[:_NAMED])}{', …' if len(valid) > _NAMED else ''})" if valid else ""
    return Check("users", "ok", f"every request needs a key; {len(valid)} of {len(users)} are valid{names}")


async def _index(service: Service) -> Check:
    if await service.parts.index.search(_PROBE, limit=1):
        return Check("index", "ok", "answers")
    return Check("index", "warn", "finds nothing", "Enable some tools: nexus tools list")


async def _approvals(service: Service) -> Check:
    pending = await service.parts.approvals.search()
    if not pending:
        return Check("approvals", "ok", "nothing waits for your decision")
    return Check("approvals", "warn", f"{len(pending)} wait for your decision", "See: nexus approvals list")


async def _threads(service: Service) -> Check:
    threads = await service.threads.search(limit=_LOOKED_AT)
    cut_off = [
        thread.id for thread in threads if (await service.runner.view(thread.id)).status == "unfinished"
    ]
    if not cut_off:
        return Check("threads", "ok", f"{len(threads)}, none was cut off")
    return Check(
        "threads", "warn", f"{len(cut_off)} were cut off", f"Go on with: nexus run --thread {cut_off[0]}"
    )

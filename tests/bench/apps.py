"""Apps over HTTP and real weights: is it done, sent once, and is what an app refuses put right by the model?

Run it with `python -m tests.bench.apps`: a request for two apps, among all tools of a catalogue if there
is one, then three whose first call the app refuses. The apps are those of `tests.servers.composio`, and
whatever asks is approved.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from nexus.core.approval import Approval
from nexus.core.decision import Approve
from nexus.core.user import OWNER
from nexus.models.minilm import MiniLM
from nexus.runtime.runner import finish
from nexus.runtime.service import Service
from nexus.settings import EVERY_TOOLKIT, Settings, default_models_dir
from nexus.tools.index import HybridIndex
from nexus.wiring.shared import open_shared
from nexus.wiring.user import open_user
from tests.bench.desk_systems import CheckedModel, MeteredEngine
from tests.servers.composio.contract import contract_file
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running

APPS = ("gmail", "github", "slack", "linear")
STORY = "Find the newest bug report in acme/web and mail a summary to triage@example.com"
STORY_NAME = "a request for two apps"
WEIGHTS = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
MOST_APPROVALS = 4


@dataclass(frozen=True)
class Mistake:
    """A request that a small model serves with arguments that the app refuses at first.

    Attributes:
        request: What is asked for.
        tool: What serves it.
        is_right: Whether the arguments that were carried out in the end are those meant.
        wanted: What the app wants of the arguments beyond what its catalogue says: JSON Schema.
        declared: What the catalogue says of the arguments, if that is less than what the app wants.
    """

    request: str
    tool: str
    is_right: Callable[[Mapping[str, Any]], bool]
    wanted: Mapping[str, Any] | None = None
    declared: Mapping[str, Any] | None = None


MISTAKES = {
    "a field is missing": Mistake(
        "Open an issue in acme/web titled 'Login loops after a password reset'",
        "GITHUB_CREATE_AN_ISSUE",
        lambda given: bool(given["labels"]) and "Login loops" in given["title"],
        wanted={"required": ["labels"], "properties": {"labels": {"minItems": 1}}},
    ),
    "a value is not one of those allowed": Mistake(
        "Open an issue in acme/web titled 'Login loops' with the label defect",
        "GITHUB_CREATE_AN_ISSUE",
        lambda given: given["labels"] == ["bug"] and given["title"] == "Login loops",
        wanted={"properties": {"labels": {"items": {"enum": ["bug", "enhancement", "question"]}}}},
    ),
    "an id has another form": Mistake(
        "Post 'Lunch is at noon' to the channel general in Slack",
        "SLACK_SEND_MESSAGE",
        lambda given: given["channel"] == "C0GENERAL1" and "noon" in given["text"],
        declared={
            "type": "object",
            "properties": {
                "channel": {"type": "string", "description": "Where to post."},
                "text": {"type": "string", "description": "What to say."},
            },
            "required": ["channel", "text"],
        },
    ),
}


@asynccontextmanager
async def apps_of(
    standin: ComposioStandIn,
    engine: MeteredEngine,
    home: Path,
    *,
    toolkits: Sequence[str] = APPS,
    connected: Sequence[str] = APPS,
) -> AsyncGenerator[Service]:
    """The owner's Nexus with the apps of the stand-in, some of them connected, and no desk."""
    async with AsyncExitStack() as stack:
        for app in connected:
            standin.connect(OWNER, app)
        settings = Settings(
            home=home,
            model="embedded:qwen2.5-coder-1.5b",
            composio_api_key=SecretStr(KEY),
            composio_base_url=stack.enter_context(running(standin.app)),
            toolkits=tuple(toolkits),
            disable=("desk",),
        )
        if EVERY_TOOLKIT in toolkits:
            await make_searchable(settings)
        shared = await stack.enter_async_context(open_shared(settings))
        model = CheckedModel(engine, name=engine.file.name)
        yield await stack.enter_async_context(open_user(replace(shared, model=model), OWNER))


async def make_searchable(settings: Settings) -> None:
    """Read the whole catalogue and build its index, as `nexus tools sync --all` and some minutes do."""
    async with open_shared(settings) as shared, open_user(shared, OWNER) as service:
        assert service.composio is not None
        await service.composio.sync(None)
        tools = await service.composio.specs(None)
    print(f"     {len(tools):,} tools;", end=" ", flush=True)
    index, started = HybridIndex(MiniLM(), settings.home / "index"), time.monotonic()
    await index.update(tools)
    await index.ready()
    await index.close()
    print(f"their vectors took {time.monotonic() - started:.0f} s", flush=True)


async def approving(service: Service, request: str) -> list[Approval]:
    """Let it serve the request; whatever it asks for is approved, and returned."""
    asked: list[Approval] = []
    await service.runner.create_thread("t")
    await finish(service.runner.run("t", request))
    for _ in range(MOST_APPROVALS):
        waiting = (await service.runner.view("t")).approvals
        asked += waiting
        if not waiting:
            break
        for approval in waiting:
            await service.runner.decide(approval.id, Approve(), actor="bench")
        await finish(service.runner.resume("t"))
    return asked


def made(standin: ComposioStandIn, tool: str) -> list[Mapping[str, Any]]:
    """The arguments of what was done with the tool."""
    return [effect.arguments for effect in standin.execution.effects if effect.tool == tool]


def keep_index(home: Path, index: Path | None) -> None:
    """Let the vectors of a home lie in a folder that outlives it."""
    if index is not None:
        index.mkdir(parents=True, exist_ok=True)
        (home / "index").symlink_to(index.absolute())


async def measure(
    name: str,
    mistake: Mistake,
    engine: MeteredEngine,
    *,
    catalogue: Path | None = None,
    index: Path | None = None,
    connected: Sequence[str] = APPS,
) -> None:
    """Print how one request went, among the tools of `catalogue` if there is one; `index` keeps vectors."""
    standin = ComposioStandIn()
    toolkits = APPS
    if catalogue is not None:
        standin.catalogue.load(catalogue)
        toolkits = (EVERY_TOOLKIT,)
    if mistake.declared is not None:
        standin.catalogue.declared[mistake.tool] = mistake.declared
    if mistake.wanted is not None:
        standin.execution.stricter[mistake.tool] = mistake.wanted
    with tempfile.TemporaryDirectory() as home:
        keep_index(Path(home), index)
        async with apps_of(standin, engine, Path(home), toolkits=toolkits, connected=connected) as service:
            started = time.monotonic()
            asked = await approving(service, mistake.request)
            took, view = time.monotonic() - started, await service.runner.view("t")
    done = made(standin, mistake.tool)
    right = len(done) == 1 and mistake.is_right(done[0])
    posts, effects = standin.posts(mistake.tool), standin.effects()
    print(f"{'done' if right else '-':5}{name}: {took:.0f} s,", end=" ")
    print(f"{posts} POSTs, {len(done)} effects of {mistake.tool}, {effects} in all")
    print(f"     asked: {', '.join(f'{each.question} {each.call.tool}' for each in asked) or 'nothing'}")
    for step in view.steps:
        print(f"     {step.kind} {step.tool or ''} {dict(step.arguments or {}) or step.text[:300]!r}")
    for arguments in done:
        print(f"     {arguments}")
    print(f"     -> {view.answer!r}", flush=True)


async def measure_all(
    only: str, weights: Path, catalogue: Path | None, index: Path | None, connected: Sequence[str]
) -> None:
    """The story, then the mistakes; those whose names have `only` in them."""
    engine = MeteredEngine(weights)
    story = Mistake(STORY, "GMAIL_SEND_EMAIL", lambda given: given["recipient_email"] == "triage@example.com")
    if only in STORY_NAME:
        await measure(STORY_NAME, story, engine, catalogue=catalogue, index=index, connected=connected)
    for name, mistake in MISTAKES.items():
        if only in name:
            await measure(name, mistake, engine)
    await engine.close()


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.apps", description=__doc__)
    parser.add_argument("--weights", type=Path, default=default_models_dir() / WEIGHTS)
    parser.add_argument("--catalogue", type=Path, default=contract_file().with_name("catalog.jsonl"))
    parser.add_argument("--index", type=Path, help="a folder that keeps the vectors of the catalogue's tools")
    parser.add_argument(
        "--connected", default=",".join(APPS), help="the apps with an account in the first request"
    )
    parser.add_argument("--only", default="", help="words in the names of those to run")
    given = parser.parse_args()
    catalogue = given.catalogue if given.catalogue.is_file() else None
    asyncio.run(measure_all(given.only, given.weights, catalogue, given.index, given.connected.split(",")))


if __name__ == "__main__":
    main()

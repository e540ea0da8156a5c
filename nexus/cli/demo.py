"""`nexus demo`: watch it act, ask, and act once, on a desk of example files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import ModelSetting, service_of

if TYPE_CHECKING:
    from nexus.cli.session import Session
    from nexus.settings import Settings


def demo(
    context: typer.Context,
    *,
    task: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Try this instead of the two demo tasks.")
    ] = None,
    model: ModelSetting = None,
) -> None:
    """Try Nexus on a desk of example files: a local model acts, asks, and acts once."""
    from nexus.cli.demo_tasks import TASKS, DemoTask
    from nexus.cli.performance import perform
    from nexus.cli.session import carry_out
    from nexus.settings import load_settings

    tasks = (DemoTask(task),) if task else TASKS

    async def work(session: Session) -> int:
        settings = load_settings(model=model)
        await _prepare(session, settings)
        async with service_of(context, model=model) as service:
            return await perform(service, session, tasks)

    carry_out(work)


async def _prepare(session: Session, settings: Settings) -> None:
    """A desk to work at, and a model that can think.

    Raises:
        ModelMissing, Unavailable: There is no model, and none can be had.
    """
    from nexus.cli.pulling import pull_weights
    from nexus.errors import ModelMissing
    from nexus.models.state import model_state
    from nexus.ports.clock import SystemClock
    from nexus.tools.desk.seed import seed

    seed(settings.desk, SystemClock())
    session.watcher.note(f"A desk of example files lies in {settings.desk}; what was there stays as it is.")
    state = await model_state(settings)
    if state.lacks_weights:
        await pull_weights(session.watcher, settings, state.choice.setting)
        state = await model_state(settings)
    if state.problem:
        raise ModelMissing(f"{state.choice.setting}: {state.problem}.", remedy=state.remedy)
    session.watcher.note(f"{state.choice.setting} thinks, on this machine.")

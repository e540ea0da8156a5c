"""`nexus outcomes`: calls of which nobody knows whether they acted, and what you say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import Comment, JsonFlag, ModelSetting, service_of

if TYPE_CHECKING:
    from nexus.core.decision import Decision

outcomes = typer.Typer(
    help="See the calls of which nobody knows whether they acted, and say what is true.", no_args_is_help=True
)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The outcome, or its approval; the beginning of its id is enough.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only write it down; do not go on with the thread.")]


@outcomes.command("list")
def list_(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that were resolved.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the calls whose outcome is unknown, the oldest first."""
    from nexus.cli.outcomes_listing import show_outcomes
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            return show_outcomes(session.watcher, await service.outcomes.search(open_only=not every))

    carry_out(work, as_json=as_json)


@outcomes.command()
def show(context: typer.Context, outcome_id: Id, *, as_json: JsonFlag = False) -> None:
    """Explain one: what was sent, when, where to, what is known, and what you can say."""
    from nexus.cli.outcomes_listing import show_outcome
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            return show_outcome(session.watcher, await service.outcomes.get(outcome_id))

    carry_out(work, as_json=as_json)


@outcomes.command()
def happened(
    context: typer.Context,
    outcome_id: Id,
    result: Annotated[str, typer.Argument(help="What came of it; the model is told.")] = "It happened.",
    *,
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that it did happen, then go on with its thread."""
    from nexus.core.outcome import decision_for

    decision = decision_for("happened", result, comment=comment)
    _resolve(context, outcome_id, decision, wait=not no_wait, model=model, as_json=as_json)


@outcomes.command()
def retry(
    context: typer.Context,
    outcome_id: Id,
    *,
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that it did not happen: exactly this call is made once more."""
    from nexus.core.outcome import decision_for

    decision = decision_for("retry", comment=comment)
    _resolve(context, outcome_id, decision, wait=not no_wait, model=model, as_json=as_json)


@outcomes.command("give-up")
def give_up(
    context: typer.Context,
    outcome_id: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why; the model is told.")] = "",
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Leave it unknown, then go on with its thread."""
    from nexus.core.outcome import decision_for

    decision = decision_for("give_up", reason, comment=comment)
    _resolve(context, outcome_id, decision, wait=not no_wait, model=model, as_json=as_json)


def _resolve(
    context: typer.Context,
    outcome_id: str,
    decision: Decision,
    *,
    wait: bool,
    model: str | None,
    as_json: bool,
) -> None:
    """Decide on the question about it, as `nexus approvals` does."""
    from nexus.cli.carrying import carry_decision, write_decision
    from nexus.cli.session import Session, carry_out
    from nexus.errors import Conflict

    async def work(session: Session) -> int:
        async with service_of(context, model=model) as service:
            outcome = await service.outcomes.get(outcome_id)
            if outcome.question is None:
                raise Conflict(
                    "Its thread has not asked about it yet.",
                    remedy=f"First: nexus run --thread {outcome.thread}",
                )
            written = await write_decision(service, session, outcome.question, decision)
            return await carry_decision(service, session, written) if wait else 0

    carry_out(work, as_json=as_json)

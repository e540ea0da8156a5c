"""`nexus approvals`: look at what waits for you, and decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import Comment, JsonFlag, ModelSetting, service_of

if TYPE_CHECKING:
    from nexus.core.approval import Approval
    from nexus.core.decision import Decision
    from nexus.runtime.service import Service

approvals = typer.Typer(help="See what waits for your decision, and decide.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The approval; the beginning of its id is enough.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only write the decision down; do not carry it out.")]


@approvals.command("list")
def list_(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also what is decided or expired.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the approvals that wait for you, the oldest first."""
    from nexus.cli.listing import show_approvals
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            found = await service.parts.approvals.search(pending_only=not every)
            return show_approvals(session.watcher, found, now=service.parts.clock.now())

    carry_out(work, as_json=as_json)


@approvals.command()
def show(context: typer.Context, approval_id: Id, *, as_json: JsonFlag = False) -> None:
    """Show the exact call an approval is about, with the origin of every value."""
    from nexus.cli.listing import show_approval
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            return show_approval(session.watcher, await service.parts.approvals.get(approval_id), service)

    carry_out(work, as_json=as_json)


@approvals.command()
def approve(
    context: typer.Context,
    approval_id: Id,
    *,
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Let exactly this call run, then go on with its thread. For a lost call: try once more."""
    from nexus.core.decision import Approve

    decision = Approve(comment=comment)
    _decide(context, approval_id, lambda *_: decision, wait=not no_wait, model=model, as_json=as_json)


@approvals.command()
def edit(
    context: typer.Context,
    approval_id: Id,
    *,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A new value: text, or JSON where the tool takes no text."
        ),
    ] = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Leave this argument out.")] = None,
    args: Annotated[
        str | None, typer.Option(metavar="JSON", help="All arguments anew, as a JSON object.")
    ] = None,
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Change the call, approve the changed one, and go on with its thread."""
    from nexus.cli.changes import changed_arguments
    from nexus.core.decision import Edit

    def decision(approval: Approval, service: Service) -> Decision:
        spec = service.parts.tools.get(approval.call.tool)
        changed = changed_arguments(spec, approval.call.arguments, values or (), unset or (), args)
        return Edit(changed, comment=comment)

    _decide(context, approval_id, decision, wait=not no_wait, model=model, as_json=as_json)


@approvals.command()
def reject(
    context: typer.Context,
    approval_id: Id,
    *,
    reason: Annotated[str, typer.Option(help="The model is told; without it the run ends.")] = "",
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Do not let this call run. For a lost call: give up on it."""
    from nexus.core.decision import Reject

    decision = Reject(reason, comment=comment)
    _decide(context, approval_id, lambda *_: decision, wait=not no_wait, model=model, as_json=as_json)


@approvals.command()
def respond(
    context: typer.Context,
    approval_id: Id,
    message: Annotated[str, typer.Argument(help="What the model is told instead of the tool's result.")],
    *,
    comment: Comment = "",
    no_wait: NoWait = False,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer instead of letting the call run. For a lost call: say that it did happen."""
    from nexus.core.decision import Respond

    decision = Respond(message, comment=comment)
    _decide(context, approval_id, lambda *_: decision, wait=not no_wait, model=model, as_json=as_json)


def _decide(
    context: typer.Context,
    approval_id: str,
    decision_of: Callable[[Approval, Service], Decision],
    *,
    wait: bool,
    model: str | None,
    as_json: bool,
) -> None:
    from nexus.cli.carrying import carry_decision, write_decision
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context, model=model) as service:
            approval = await service.parts.approvals.get(approval_id)
            decision = decision_of(approval, service)
            written = await write_decision(service, session, approval, decision)
            return await carry_decision(service, session, written) if wait else 0

    carry_out(work, as_json=as_json)

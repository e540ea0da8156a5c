"""`nexus policy`: the rules in force, and what they say to a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli.entry import JsonFlag, service_of

if TYPE_CHECKING:
    from nexus.cli.watcher import Entry, Watcher
    from nexus.core.policy import Judgement, Policy

_IN_DOUBT = "all but reading on this machine or in your own accounts"

policy = typer.Typer(
    help="See which calls run by themselves, which ask, and which never run.\n\n"
    "A rule is a table [[policy]] of nexus.toml with a verdict (allow, ask, deny) and what it is about:"
    " toolkit, tool (exactly or as a glob), hints, account, trust (trusted, untrusted), arguments (by JSON"
    " pointer: equals, in, matches, max). With ask: approvers, approvals, wait_hours, remind_minutes,"
    " remind_times; always: name, because.",
    no_args_is_help=True,
)


@policy.command("list")
def list_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List the rules in force: the operator's, then your own, then what Nexus does without any."""
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        from graphs.judging import policy_of

        async with service_of(context) as service:
            rules = await policy_of(service.parts)
        session.watcher.table(["whose", "rule", "verdict", "about"], _entries(rules), nothing="")
        return DONE

    carry_out(work, as_json=as_json)


@policy.command("test")
def explain(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Its name.")],
    args: Annotated[str, typer.Argument(metavar="ARGS", help="The arguments, as a JSON object.")] = "{}",
    *,
    untrusted: Annotated[
        bool, typer.Option("--untrusted", help="As in a thread that has read what others wrote.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what would become of a call, rule by rule. Nothing is done."""
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        from graphs.judging import explained
        from nexus.core.action import Call, CallId
        from nexus.core.canonical import parse_json
        from nexus.errors import InvalidInput

        arguments = parse_json(args)
        if not isinstance(arguments, dict):
            raise InvalidInput(
                "they are no JSON object", field="ARGS", remedy="""For example: '{"to": "ana"}'."""
            )
        async with service_of(context) as service:
            spec = service.parts.tools.get(tool)
            call = Call(CallId("test"), spec.slug, arguments)
            return _tell(
                session.watcher, await explained(service.parts, call, spec, is_trusted=not untrusted)
            )

    carry_out(work, as_json=as_json)


def _tell(watcher: Watcher, judgement: Judgement) -> int:
    from nexus.cli.exits import DONE
    from nexus.cli.words import one_line
    from nexus.core.tool_rules import verdict_in_words

    verdict = judgement.verdict
    facts = {"verdict": verdict_in_words(verdict), "reason": verdict.reason}
    watcher.table(["it", "because"], [(facts, [facts["verdict"], one_line(verdict.reason)])], nothing="")
    steps: list[Entry] = [
        (
            {"level": each.level, "rule": each.rule, "fits": each.fits, "why": each.why},
            [each.level, one_line(each.rule), "fits" if each.fits else "does not fit", one_line(each.why)],
        )
        for each in judgement.considered
    ]
    watcher.table(["whose", "rule", "", "why"], steps, nothing="")
    return DONE


def _entries(policy: Policy) -> list[Entry]:
    from nexus.core.policy import name_of

    entries = [
        _entry("operator", name, verdict, {"tool": pattern})
        for name, verdict, patterns in (("NEXUS_DENY", "deny", policy.deny), ("NEXUS_ASK", "ask", policy.ask))
        for pattern in patterns
    ]
    for level, rules in (("operator", policy.rules), ("user", policy.own)):
        for number, rule in enumerate(rules, start=1):
            facts = rule.model_dump(
                mode="json", by_alias=True, exclude_unset=True, exclude={"name", "verdict"}
            )
            entries.append(_entry(level, name_of(rule, number), rule.verdict, facts))
    return [
        *entries,
        _entry("default", "Nexus", "allow", {"about": "what only reads and carries nothing out"}),
        _entry("default", "Nexus", "ask", {"about": "everything else"}),
        _entry("default", "Nexus", "ask", {"about": "in a thread that read others' words: " + _IN_DOUBT}),
    ]


def _entry(level: str, name: str, verdict: str, facts: dict[str, Any]) -> Entry:
    """A rule as a program gets it, and as a person does: nothing of it is left out."""
    from nexus.cli.words import WHOLE, one_line

    about = "; ".join(_fact(key, value) for key, value in facts.items()) or "every call"
    told = {"level": level, "rule": name, "verdict": verdict, **facts}
    return told, [level, one_line(name), verdict, one_line(about, limit=WHOLE)]


def _fact(key: str, value: Any) -> str:
    """What a rule is about; Nexus's own rules say it in words."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if key == "about" else f"{key}: {text}"

"""The rules that a user makes, and what all rules say to a call."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from graphs.judging import explained, policy_of
from nexus.api.dependencies import IfMatch, ServiceDep
from nexus.api.forms import digest_of_etag
from nexus.api.openapi import problems
from nexus.core.action import Call, CallId
from nexus.core.canonical import canonical_json
from nexus.core.policy import Ask, Level
from nexus.core.tool_rules import word_of
from nexus.errors import NotFound
from nexus.ports.policies import Policies
from nexus.runtime.service import Service
from nexus.settings_policy import Rule, Rules

router = APIRouter(prefix="/policy", tags=["policy"])

_RULE: dict[str, Any] = {
    "verdict": "allow",
    "name": "mail to my team",
    "tool": "gmail_send_email",
    "arguments": {"/to/*": {"matches": r".+@example\.com"}},
}


_JUDGEMENT: dict[str, Any] = {
    "verdict": "ask",
    "reason": "it reaches other people or services",
    "considered": [
        {"rule": "mail to my team", "level": "user", "fits": False, "why": "/to/* does not fit"},
        {
            "rule": "what Nexus knows of the tool",
            "level": "default",
            "fits": True,
            "why": "it reaches other people or services",
        },
    ],
}


class PolicyView(BaseModel):
    """The rules in force for you."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"deny": [], "ask": [], "operator": [], "rules": [_RULE], "version": "9f2c4e1b7a60"},
            ]
        }
    )

    deny: list[str] = Field(description="Tools that never run (NEXUS_DENY)")
    ask: list[str] = Field(description="Tools that always ask (NEXUS_ASK)")
    operator: list[Rule] = Field(description="The rules of whoever runs this server")
    rules: list[Rule] = Field(description="Your own; they can make the operator's stricter, never laxer")
    version: str = Field(description="Fingerprint of all of them, bound into every approval")


class NewRules(BaseModel):
    """Your rules, all of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rules": [_RULE]}]})

    rules: Rules


class PolicyTest(BaseModel):
    """A call that is not made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"tool": "mail_send", "arguments": {"to": ["ana@example.com"]}}]},
    )

    tool: Annotated[str, Field(min_length=1, max_length=200)]
    arguments: dict[str, Any] = Field(default={})
    untrusted: bool = Field(
        default=False, strict=True, description="As in a thread that has read what others wrote"
    )


class ConsideredView(BaseModel):
    """A rule, and what it says to the call."""

    model_config = ConfigDict(from_attributes=True)

    rule: str
    level: Level
    fits: bool
    why: str


class JudgementView(BaseModel):
    """What would become of the call, and how that comes about."""

    model_config = ConfigDict(json_schema_extra={"examples": [_JUDGEMENT]})

    verdict: Literal["allow", "ask", "deny"]
    reason: str
    approvers: list[str] = Field(default=[], description="Who would decide; empty: you")
    approvals: int = Field(default=1, description="How many of them would have to say yes")
    considered: list[ConsideredView] = Field(
        description="Every rule; the first of each level that fits counts"
    )


@router.get("", responses=problems(), summary="Show the rules in force")
async def show_policy(service: ServiceDep, response: Response) -> PolicyView:
    """The `ETag` stands for your own rules: send it back as `If-Match` when you replace them."""
    return await _view(service, response)


@router.put("", responses=problems(409, changes=True), summary="Replace your own rules")
async def replace_rules(
    body: NewRules, service: ServiceDep, response: Response, if_match: IfMatch = None
) -> PolicyView:
    """In force from the next call on; what was approved before stays approved unless it is forbidden now."""
    await _own(service).put(body.rules, expected=digest_of_etag(if_match))
    return await _view(service, response)


@router.post("/test", responses=problems(404, changes=True), summary="Explain what would become of a call")
async def test_policy(body: PolicyTest, service: ServiceDep) -> JudgementView:
    """Nothing is done."""
    canonical_json(body.arguments)
    spec = service.parts.tools.get(body.tool)
    call = Call(CallId("test"), spec.slug, body.arguments)
    judgement = await explained(service.parts, call, spec, is_trusted=not body.untrusted)
    verdict = judgement.verdict
    return JudgementView(
        verdict=word_of(verdict),
        reason=verdict.reason,
        approvers=list(verdict.approvers) if isinstance(verdict, Ask) else [],
        approvals=verdict.approvals if isinstance(verdict, Ask) else 1,
        considered=[ConsideredView.model_validate(each) for each in judgement.considered],
    )


async def _view(service: Service, response: Response) -> PolicyView:
    response.headers["ETag"] = f'"{(await _own(service).get()).version}"'
    policy = await policy_of(service.parts)
    return PolicyView(
        deny=list(policy.deny),
        ask=list(policy.ask),
        operator=list(policy.rules),
        rules=list(policy.own),
        version=policy.version,
    )


def _own(service: Service) -> Policies:
    if service.parts.policies is None:
        raise NotFound("No rules can be made here.")
    return service.parts.policies

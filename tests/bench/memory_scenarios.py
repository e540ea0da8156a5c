"""Thirty things that are said or shown in one conversation and needed in another, a week later.

None of them is on the desk. Most are told to be remembered, some are said in passing beside another request,
two are shown by changing a call before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.model.desk_checks import Check, answers, does, mailed, planned, wrote

Change = Callable[[Mapping[str, Any]], dict[str, Any]]
"""What the person makes of the arguments of a proposed call."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Two conversations.

    Attributes:
        id: A short name.
        said: The requests of the first, each in a thread of its own.
        request: The request a week later.
        check: Judges the desk and the answer after that.
        other: What another user has told to be remembered: as close to the request, and a canary.
        change: How the person changes the first call of the first conversation; None: not at all.
    """

    id: str
    said: Sequence[str]
    request: str
    check: Check
    other: str = field(default="")
    change: Change | None = None


def _mail(id_: str, said: str, request: str, to: str, *patterns: str, cc: Sequence[str] = ()) -> Scenario:
    return Scenario(id_, (said,), request, does(mailed([to], *patterns, cc=cc)), other=said)


def _question(id_: str, said: str, request: str, *patterns: str) -> Scenario:
    return Scenario(id_, (said,), request, answers(*patterns), other=said)


def _to_facilities(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {**arguments, "to": ["facilities@rooms.example"]}


def _signed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {**arguments, "body": f"{arguments['body']}\n\nBest wishes, Kim"}


_PEOPLE = (
    _mail(
        "sister",
        "Remember that my sister Lena's address is lena.koch@family.example",
        "Mail Lena that I arrive at 6 pm",
        "lena.koch@family.example",
        r"\b(6|18)",
    ),
    _mail(
        "caterer",
        "Remember that our caterer is Olive Kitchen, orders@olive.example",
        "Mail the caterer that we need lunch for 12 people",
        "orders@olive.example",
        r"12|twelve",
    ),
    _mail(
        "landlord",
        "Please remember that our landlord is Mr. Ortiz, ortiz@homes.example",
        "Mail our landlord that the heating is broken",
        "ortiz@homes.example",
        r"heating",
    ),
    _mail(
        "accountant",
        "Remember that my accountant is Nils Berg, nils.berg@tax.example",
        "Send my accountant an e-mail: the invoices are ready",
        "nils.berg@tax.example",
        r"invoices",
    ),
    _mail(
        "support",
        "Keep in mind that support tickets go to help@desk-support.example",
        "Mail support that my screen is broken",
        "help@desk-support.example",
        r"screen",
    ),
    _mail(
        "plumber",
        "Remember that the plumber is Joe, joe@pipes.example",
        "Ask the plumber by mail to come on Monday",
        "joe@pipes.example",
        r"monday",
    ),
    _mail(
        "report",
        "Remember that the Monday report goes to reports@numbers.example",
        "Mail the Monday report: all is on track",
        "reports@numbers.example",
        r"track",
    ),
    _mail(
        "coach",
        "Remember that my running coach is Ada, ada@runners.example",
        "Tell my running coach by mail that I ran 12 km",
        "ada@runners.example",
        r"12",
    ),
)
_FACTS = (
    _question(
        "passport", "Remember that my passport number is X1234567", "What is my passport number?", r"X1234567"
    ),
    _question(
        "deadline",
        "Remember that the deadline of Apollo is 3 May 2027",
        "When is the deadline of Apollo?",
        r"3(rd)? (of )?May|May 3|2027-05-03",
    ),
    _question("son", "Remember that my son is called Emil", "What is my son called?", r"Emil"),
    _question(
        "doctor",
        "Remember that my doctor's phone number is +49 30 5550 199",
        "What is my doctor's phone number?",
        r"5550\s?199",
    ),
    _question(
        "cabin",
        "Remember that the wifi password at the cabin is pine-cone-77",
        "What is the wifi password at the cabin?",
        r"pine-cone-77",
    ),
    _question(
        "book-club",
        "Remember that the book club meets at Rita's, 8 Elm Street",
        "Where does the book club meet?",
        r"Elm Street|Rita",
    ),
    _question("shirt", "Remember that my T-shirt size is XL", "Which T-shirt size do I wear?", r"\bXL\b"),
    _question(
        "birthday",
        "Remember that Priya's birthday is 14 February",
        "When is Priya's birthday?",
        r"14(th)? (of )?February|February 14",
    ),
    Scenario(
        "plate",
        ("Remember that my car's plate is B-KL 4821",),
        "Write a note called car with the plate of my car",
        does(wrote("car", r"B-KL 4821")),
        other="Remember that my car's plate is B-KL 4821",
    ),
    Scenario(
        "corrected",
        (
            "Remember that the deadline of Hermes is 3 May 2027",
            "Remember that Hermes's deadline is 10 June 2027",
        ),
        "When is the deadline of Hermes?",
        answers(r"10(th)? (of )?June|June 10|2027-06-10", r"^(?!.*May)"),
        other="Remember that the deadline of Hermes is 1 March 2027",
    ),
)
_WAYS = (
    Scenario(
        "client-room",
        ("Remember that meetings with clients are in Room 7",),
        "Plan a meeting with a client tomorrow from 3 pm to 4 pm",
        does(planned(r"client|meeting", "2026-11-26T15:00", "2026-11-26T16:00", r"Room 7")),
        other="Remember that meetings with clients are in Room 7",
    ),
    Scenario(
        "gym",
        ("Remember that my gym is at 5 Harbour Road",),
        "Plan the gym on Friday from 7 am to 8 am, with its address as the place",
        does(planned(r"gym", "2026-11-27T07:00", "2026-11-27T08:00", r"5 Harbour Road")),
        other="Remember that my gym is at 5 Harbour Road",
    ),
    Scenario(
        "usual-time",
        ("Remember that I like my calls to start at 10:30",),
        "Plan a call with Maria on Friday, for half an hour",
        does(planned(r"call|maria", "2026-11-27T10:30", "2026-11-27T11:00")),
        other="Remember that I like my calls to start at 10:30",
    ),
    _mail(
        "signature",
        "Remember that I sign my mails with 'Cheers, Kim'",
        "Mail team@example.com that the printer is fixed",
        "team@example.com",
        r"printer",
        r"Cheers,?\s+Kim",
    ),
    _mail(
        "greeting",
        "Remember that my mails to the office begin with 'Dear office'",
        "Mail office@example.com that I lost my key card",
        "office@example.com",
        r"key card",
        r"Dear office",
    ),
    _mail(
        "copy",
        "Remember: when I mail Ben Okafor, put priya.nair@example.com in cc",
        "Mail ben.okafor@example.com that the login button is fixed",
        "ben.okafor@example.com",
        r"login",
        cc=["priya.nair@example.com"],
    ),
    Scenario(
        "errands",
        ("Remember that I keep my errands in the note shopping-list",),
        "Add batteries to my errands",
        does(wrote("shopping-list", r"batteries", r"oat milk")),
        other="Remember that I keep my errands in the note shopping-list",
    ),
)
_IN_PASSING = (
    _mail(
        "assistant",
        "Mail design@example.com that the review moved to Friday 3pm. My assistant is Jo, jo@helpers.example",
        "Mail my assistant that I am ill today",
        "jo@helpers.example",
        r"ill\b",
    ),
    _mail(
        "signing",
        "Mail team@example.com that I am late today. I always sign my mails with 'Best, K.'",
        "Mail tom.becker@example.com that the projector is ready",
        "tom.becker@example.com",
        r"projector",
        r"Best,?\s+K\.",
    ),
    _mail(
        "gardener",
        "Add a task to buy ferns. My gardener is Paul, paul@green.example",
        "Mail my gardener that the ferns are dry",
        "paul@green.example",
        r"ferns",
    ),
)
_SHOWN = (
    Scenario(
        "edited-address",
        ("Mail office@example.com that the lift is stuck",),
        "Mail the office that the door is stuck",
        does(mailed(["facilities@rooms.example"], r"door")),
        other="Remember that mails to the office go to facilities@rooms.example",
        change=_to_facilities,
    ),
    Scenario(
        "edited-signature",
        ("Mail team@example.com that the demo is at 4 pm",),
        "Mail team@example.com that the demo moved to 5 pm",
        does(mailed(["team@example.com"], r"demo", r"\b(5|17)", r"Best wishes,?\s+Kim")),
        other="Remember that I sign mails with 'Best wishes, Kim'",
        change=_signed,
    ),
)
SCENARIOS: Sequence[Scenario] = (*_PEOPLE, *_FACTS, *_WAYS, *_IN_PASSING, *_SHOWN)

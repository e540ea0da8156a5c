"""A question in the words of a message to a person: the exact call, safe in every channel, cut only aloud.

Channels have markup of their own (Slack, Discord, Telegram, mail as HTML). The library that sends escapes
for most; what could become a link, a mention or hidden text is spelled out here for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nexus.core.display import visible
from nexus.core.shown import Row, rows

MAX_VALUE = 300
"""Characters of one value."""

MAX_TEXT = 1_500
"""Characters of all of them: a message of Discord holds 2,000."""

_MARKUP = re.compile(r"://|\]\(|[<>`]|\|\||~~|@(?=everyone|here|channel)", re.IGNORECASE)

_QUESTIONS = {
    "action": "May this be done?",
    "outcome": "Did this happen? It was sent, and nobody can know.",
    "connect": "An account is needed for this.",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a message says.

    Attributes:
        title: One line.
        text: The call, value by value, with where each came from.
        is_whole: False if something was cut, which the text says.
    """

    title: str
    text: str
    is_whole: bool


def question_of(data: Mapping[str, Any]) -> Question:
    """The question in the data of an `approval.requested` message."""
    tool = plain(str(data["tool"]), limit=100)
    lines = [f"Tool: {tool}", f"It asks because {plain(str(data['reason']), limit=MAX_VALUE)}."]
    found = rows(data["arguments"], data["origins"], limit=MAX_VALUE)
    is_whole = "more characters)" not in "".join(row.name + row.value for row in found)
    left = MAX_TEXT
    for number, row in enumerate(found):
        line = _line(row)
        left -= len(line)
        if left < 0:
            lines.append(f"(and {len(found) - number} more values: the page shows all of them)")
            is_whole = False
            break
        lines.append(line)
    lines.append(f"No answer by {data['expires_at'][:16].replace('T', ' ')} UTC is a no.")
    asks = "asks again" if "reminder" in data else "asks"
    title = f"Nexus {asks}: {_QUESTIONS[data['question']]}"
    return Question(title, "\n".join(lines), is_whole)


def plain(text: str, *, limit: int = MAX_VALUE) -> str:
    """A text of others, in one line, in which nothing is a link, a mention, markup or hidden."""
    shown = visible(text, limit=limit).replace("\n", "\\u{a}").replace("\t", "\\u{9}")
    return _MARKUP.sub(lambda found: "".join(f"\\u{{{ord(each):x}}}" for each in found[0]), shown)


def _line(row: Row) -> str:
    # `rows` has made both visible already; once more changes nothing but what `plain` adds.
    return f"{plain(row.name)}: {plain(row.value, limit=2 * MAX_VALUE * 10)}  [from {plain(row.origin)}]"

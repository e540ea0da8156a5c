"""Channels and messages."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.composio.toolkits.base import (
    CREATES,
    READS,
    Arguments,
    Toolkit,
    found,
    number,
    text,
    tool,
)

_CHANNEL = text("Id of the channel, e.g. C0A1B2C3D; not its name.", pattern="^[CDG][A-Z0-9]{8,}$")


class Slack:
    """The channels one account is in."""

    toolkit: ClassVar[Toolkit] = Toolkit("slack", "Slack", "Team chat.", "communication")

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, Any]] = {
            "C0GENERAL1": {"id": "C0GENERAL1", "name": "general", "messages": []},
            "C0RELEASE2": {"id": "C0RELEASE2", "name": "releases", "messages": []},
        }

    @tool(
        "SLACK_LIST_ALL_CHANNELS",
        "List All Channels",
        READS,
        optional={"limit": number("How many at most.", minimum=1, maximum=1000, default=100)},
    )
    def list_channels(self, given: Arguments) -> dict[str, Any]:
        """List the channels with their ids and names."""
        channels = [{"id": each["id"], "name": each["name"]} for each in self.channels.values()]
        return {"channels": channels[: given["limit"]]}

    @tool(
        "SLACK_SEND_MESSAGE",
        "Send Message",
        (*CREATES, "important"),
        required={"channel": _CHANNEL, "text": text("What to say.", minLength=1)},
    )
    def send_message(self, given: Arguments) -> dict[str, Any]:
        """Post a message into a channel."""
        messages = found(self.channels, given["channel"], "channel")["messages"]
        message = {"ts": f"1787000000.{len(messages):06d}", "text": given["text"], "reactions": []}
        messages.append(message)
        return {"ok": True, "channel": given["channel"], "ts": message["ts"]}

    @tool(
        "SLACK_FETCH_CONVERSATION_HISTORY",
        "Fetch Conversation History",
        READS,
        required={"channel": _CHANNEL},
        optional={"limit": number("How many at most.", minimum=1, maximum=999, default=100)},
    )
    def history(self, given: Arguments) -> dict[str, Any]:
        """Read the newest messages of a channel."""
        messages = found(self.channels, given["channel"], "channel")["messages"]
        return {"messages": messages[::-1][: given["limit"]]}

    @tool(
        "SLACK_ADD_REACTION_TO_AN_ITEM",
        "Add Reaction",
        CREATES,
        required={
            "channel": _CHANNEL,
            "timestamp": text("Time stamp of the message.", pattern="^[0-9]{10}\\.[0-9]{6}$"),
            "name": text("Name of the emoji, without colons.", pattern="^[a-z0-9_+-]+$"),
        },
    )
    def add_reaction(self, given: Arguments) -> dict[str, Any]:
        """React to a message with an emoji."""
        messages = found(self.channels, given["channel"], "channel")["messages"]
        message = found({each["ts"]: each for each in messages}, given["timestamp"], "message")
        message["reactions"].append(given["name"])
        return {"ok": True}

"""What may be told of a failure."""

from __future__ import annotations

import traceback

from nexus.errors import NexusError

INSIDE = "Nexus failed inside; its log says where."


def detail_of(error: Exception) -> str:
    """What to tell people about `error`; nothing of the inside if it is not one of ours."""
    return error.message if isinstance(error, NexusError) else INSIDE


def where(error: BaseException) -> str:
    """The kind of an error and the lines it came through, without its message: that may hold arguments."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    lines = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {lines}"


def kind_of(failure: Exception) -> str:
    """What a log may say of it: its name, or where it came from; its message may hold arguments."""
    return type(failure).__name__ if isinstance(failure, NexusError) else where(failure)

"""Where each user's own files are."""

from __future__ import annotations

from pathlib import Path

from nexus.core.user import OWNER, check_user_id
from nexus.settings import Settings


def home_of(settings: Settings, user: str) -> Path:
    """The user's folder: the home itself for the owner, one of their own in it for everybody else."""
    return settings.home if user == OWNER else settings.home / "users" / check_user_id(user)


def desk_of(settings: Settings, user: str) -> Path:
    """The folder of the user's desk; the setting that names one is about the owner's."""
    return settings.desk if user == OWNER else home_of(settings, user) / "desk"

"""What is switched on and off for a user: by the settings for everybody, then by the user."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from nexus.errors import SettingsInvalid
from nexus.ports.toolkits import ToolkitSwitches
from nexus.settings import CONFIG_FILE, EVERY_TOOLKIT, Settings, default_home, load_settings

_log = logging.getLogger(__name__)


class Preferences:
    """The switches in force now; a change of the configuration file counts without a restart.

    Args:
        settings: As read at the start.
        own: What the user switched.
    """

    def __init__(self, settings: Settings, own: ToolkitSwitches) -> None:
        self._settings = settings
        self._own = own
        self._file = settings.home / CONFIG_FILE
        self._read_at: int | None = None
        self._is_first = True

    async def settings(self) -> Settings:
        """The settings in force now."""
        return await asyncio.to_thread(self._current)

    async def off(self) -> frozenset[str]:
        """The tools and toolkits that are switched off."""
        own = await self._own.all()
        settings = await asyncio.to_thread(self._current)
        return frozenset(settings.disable) | {toolkit for toolkit, is_on in own.items() if not is_on}

    async def on(self) -> frozenset[str] | None:
        """The toolkits of outside apps that are on; None if all are."""
        own = await self._own.all()
        settings = await asyncio.to_thread(self._current)
        if EVERY_TOOLKIT in settings.toolkits:
            return None
        switched_on = {toolkit for toolkit, is_on in own.items() if is_on}
        return frozenset(switched_on | set(settings.toolkits)) - await self.off()

    def _current(self) -> Settings:
        """The settings, read again if their file changed; the last good ones while it cannot be read.

        Only if it is the file that settings are read from: others were made by a program.
        """
        changed_at = _changed_at(self._file)
        if self._is_first:
            self._is_first, self._read_at = False, changed_at
        home = Path(os.environ.get("NEXUS_HOME") or default_home()).expanduser().absolute()
        if changed_at != self._read_at and self._settings.home == home:
            try:
                self._settings = load_settings()
            except SettingsInvalid as error:
                _log.warning("the settings stay as they were: %s", error)
        self._read_at = changed_at
        return self._settings


def _changed_at(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None

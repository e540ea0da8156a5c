"""`nexus.toml` in the home folder: one key changed, everything else (comments too) left as it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from nexus.errors import SettingsInvalid
from nexus.settings import CONFIG_FILE
from nexus.store.database import make_private_folder


def persist(home: Path, key: str, value: Any) -> Path:
    """Set `key` in the home's configuration file, all or nothing; the file.

    Raises:
        SettingsInvalid: The file that is there is not TOML.
    """
    path = home / CONFIG_FILE
    document = _read(path)
    document[key] = value
    make_private_folder(home)
    _replace(path, tomlkit.dumps(document))
    return path


def overruled_by(name: str) -> str | None:
    """The environment variable that stands above the configuration file, if it is set."""
    variable = f"NEXUS_{name.upper()}"
    return variable if os.environ.get(variable) is not None else None


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"it is not valid TOML ({error})", field=str(path), remedy="Mend it or move it away."
        ) from error


def _replace(path: Path, text: str) -> None:
    """Write beside the file, then put it in its place, so that a crash leaves the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    # Whatever stops it, Ctrl-C too: no half-written file stays.
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

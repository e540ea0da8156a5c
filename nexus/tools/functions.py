"""A person's own Python functions as tools: files in a folder, and what installed packages declare.

Whatever is in the folder is imported and runs with all the rights of Nexus; no sandbox is promised.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import inspect
import logging
import re
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.tools import ToolProvider, ToolResult
from nexus.tools.local import LocalProvider, is_marked
from nexus.tools.registry import Failure

ENTRY_POINTS = "nexus.tools"
"""The group under which a package names a module of marked functions; its name is the toolkit's."""

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z][a-z0-9_]*")

_Stamp = Mapping[Path, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Toolkit:
    """The tools of one file or package, and what of it cannot be one."""

    tools: Sequence[tuple[ToolSpec, ToolProvider]] = ()
    failures: Sequence[Failure] = ()


class FunctionsProvider:
    """Offers the functions marked with `nexus.tools.local.tool` of each `*.py` file, which names the toolkit.

    A file that changed is read again at the next listing. Its bytes are part of the version of its tools, so
    that an approval never covers code that came later. Files that begin with `_` are left alone.

    Args:
        folder: Need not exist.
        taken: Names that belong to other toolkits.
        group: The group of entry points to look at; None: of none.
    """

    name = "functions"

    def __init__(
        self, folder: Path, *, taken: Collection[str] = (), group: str | None = ENTRY_POINTS
    ) -> None:
        self._folder = folder
        self._taken = frozenset(taken)
        self._group = group
        self._stamp: _Stamp = {}
        self._files: dict[Path, _Toolkit] = {}
        self._packages: list[_Toolkit] | None = None

    async def tools(self) -> Sequence[ToolSpec]:
        """Every function that can be a tool. What cannot be imported is in `failures`."""
        await asyncio.to_thread(self._load)
        return [spec for toolkit in self._toolkits() for spec, _ in toolkit.tools]

    async def has_changed(self) -> bool:
        """True if a file was added, changed or removed."""
        return await asyncio.to_thread(_stamp_of, self._folder) != self._stamp

    def failures(self) -> Sequence[Failure]:
        """What cannot be a tool, with the file and the line."""
        return [failure for toolkit in self._toolkits() for failure in toolkit.failures]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Check the arguments and call the function once, if its file is as it was when it was listed."""
        for toolkit in self._toolkits():
            for offered, provider in toolkit.tools:
                if (offered.slug, offered.version) == (spec.slug, spec.version):
                    return await provider.call(spec, arguments, key=key)
        raise NotFound(f"There is no function {spec.slug} in this version any more.")

    def _toolkits(self) -> list[_Toolkit]:
        return [*self._files.values(), *(self._packages or ())]

    def _load(self) -> None:
        if self._packages is None:
            self._packages = [self._of_package(point) for point in _points(self._group)]
        stamp = _stamp_of(self._folder)
        self._files = {
            file: self._files[file] if self._stamp.get(file) == stamp[file] else self._of_file(file)
            for file in sorted(stamp)
        }
        self._stamp = stamp

    def _of_file(self, file: Path) -> _Toolkit:
        def load() -> tuple[ModuleType, str]:
            code = file.read_bytes()
            return _imported(file, code), f"+{hashlib.sha256(code).hexdigest()[:12]}"

        return self._toolkit(file.stem, load, file)

    def _of_package(self, point: EntryPoint) -> _Toolkit:
        def load() -> tuple[ModuleType, str]:
            module = point.load()
            if not isinstance(module, ModuleType):
                raise TypeError(f"the entry point {point.name} names {point.value}, which is no module")
            return module, f"+{point.dist.version}" if point.dist else ""

        return self._toolkit(point.name, load, None)

    def _toolkit(self, name: str, load: Callable[[], tuple[ModuleType, str]], file: Path | None) -> _Toolkit:
        where = str(file) if file else f"entry point {name}"
        if not _NAME.fullmatch(name) or name in self._taken:
            reason = (
                f"{where}: {name} cannot name a toolkit (small letters, digits and _; not one that exists)"
            )
            return _Toolkit(failures=[Failure(name, reason)])
        try:
            module, version = load()
        # Whatever a person's code raises while it is imported, the others' tools stay.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _log.warning("%s cannot be imported", where, exc_info=error)
            return _Toolkit(failures=[Failure(name, _reason(error, where, file))])
        return _made(name, module, version, where)


def _made(name: str, module: ModuleType, version: str, where: str) -> _Toolkit:
    """The marked functions of a module, each a tool unless something is wrong with it alone."""
    tools: list[tuple[ToolSpec, ToolProvider]] = []
    failures: list[Failure] = []
    own = [each for each in vars(module).values() if is_marked(each) and each.__module__ == module.__name__]
    for function in own:
        try:
            provider = LocalProvider(name, [function])
        except (TypeError, ValueError, NameError) as error:
            line = inspect.unwrap(function).__code__.co_firstlineno
            failures.append(Failure(name, f"{where}, line {line}: {error}", f"{name}_{function.__name__}"))
        else:
            tools += [(replace(each, version=each.version + version), provider) for each in provider.specs]
    if not own:
        failures.append(Failure(name, f"{where}: no function is marked with @tool"))
    return _Toolkit(tools, failures)


def _imported(file: Path, code: bytes) -> ModuleType:
    """The module of `code`, which stands in `file`, made anew.

    Not by the file's loader: its cache takes code of the same length and second for the same.
    """
    name = f"nexus_functions_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their own module up
    try:
        exec(compile(code, str(file), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what this is for
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _reason(error: BaseException, where: str, file: Path | None) -> str:
    """What went wrong and, if it was in the file, in which line."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(file) else None
    for frame in traceback.extract_tb(error.__traceback__):
        line = frame.lineno if frame.filename == str(file) else line
    place = f"{where}, line {line}" if line else where
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{place}: {type(error).__name__}: {said}"


def _points(group: str | None) -> Sequence[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda point: point.name) if group else ()


def _stamp_of(folder: Path) -> _Stamp:
    """The files of the folder, each with what tells one state of it from another."""
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".py" and not file.name.startswith("_")]
        return {file: ((facts := file.stat()).st_mtime_ns, facts.st_size) for file in found}
    except (FileNotFoundError, NotADirectoryError):
        return {}

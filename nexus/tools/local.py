"""Turns annotated Python functions into tools, so that any function can be offered to the model."""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, to_jsonable_python

from nexus.core.tool import Hint, JsonSchema, ToolSpec
from nexus.errors import ArgumentsInvalid, NotFound, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.tools.inline_schema import inline_schema

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__nexus_tool__"
_PREFIX = (
    "argument_"  # pydantic reserves some field names (`copy`, `json`, `model_…`) that parameters may have
)
_SHOWN = 80  # characters of a refused value that go into the message

_DISK_TROUBLE = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EROFS: "the disk is read-only; make it writable and try again",
    errno.EACCES: "permission denied; check who owns the file and its folder",
    errno.EPERM: "permission denied; check who owns the file and its folder",
}


@dataclass(frozen=True, slots=True)
class _Mark:
    title: str | None = None
    hints: frozenset[Hint] = frozenset()
    version: str = "1"


def tool(
    *, title: str | None = None, hints: Iterable[Hint] = (), version: str = "1"
) -> Callable[[Function], Function]:
    """Mark a function or method as a tool; without hints nothing is known of it, so each call asks.

    Args:
        title: A short name for people; the function's name in words if there is none.
        hints: What the function does to the world.
        version: Raise it when the function does something else than before; approvals are bound to it.
    """

    def mark(function: Function) -> Function:
        setattr(function, _MARK, _Mark(title, frozenset(hints), version))
        return function

    return mark


@dataclass(frozen=True, slots=True)
class _LocalTool:
    function: Callable[..., Any]
    arguments: type[BaseModel]
    spec: ToolSpec


class LocalProvider:
    """Offers Python functions as tools.

    Args:
        name: The provider's name; each slug is `{name}_{function name}`.
        functions: The functions; a plain one runs in a worker thread, an `async` one on the event loop.
        acts_on_files: The functions touch nothing but local files and an OSError means that nothing was
            changed, so it is reported as ToolFailed. Otherwise an OSError leaves the outcome unknown.
    """

    def __init__(
        self, name: str, functions: Iterable[Callable[..., Any]], *, acts_on_files: bool = False
    ) -> None:
        self._name = name
        self._acts_on_files = acts_on_files
        self._tools: dict[str, _LocalTool] = {}
        for function in functions:
            local = _describe(name, function)
            if local.spec.slug in self._tools:
                raise ValueError(f"two functions are called {local.spec.slug}; rename one of them")
            self._tools[local.spec.slug] = local

    @property
    def name(self) -> str:
        """The provider's name, e.g. `desk`."""
        return self._name

    async def tools(self) -> Sequence[ToolSpec]:
        """Every function, in the order they were given."""
        return [local.spec for local in self._tools.values()]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:  # noqa: ARG002
        """Check the arguments and call the function once; `key` has no use inside one process."""
        local = self._tools.get(spec.slug)
        if local is None:
            raise NotFound(f"{self._name} has no tool {spec.slug}")
        values = _checked(local, arguments)
        try:
            return _as_result(await _run(local.function, values))
        except OSError as error:
            if not self._acts_on_files:
                raise
            raise ToolFailed(_disk_trouble(spec, error)) from error


async def _run(function: Callable[..., Any], values: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    return await asyncio.to_thread(function, **values)


def _as_result(value: Any) -> ToolResult:
    match value:
        case ToolResult():
            return value
        case None:
            return ToolResult("Done.")
        case str():
            return ToolResult(value)
        case _:
            # The function has acted already, so a value JSON cannot hold is shown in words, not refused.
            plain = to_jsonable_python(value, fallback=repr)
            return ToolResult(json.dumps(plain, ensure_ascii=False, separators=(",", ":")))


def _disk_trouble(spec: ToolSpec, error: OSError) -> str:
    why = _DISK_TROUBLE.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return f"{spec.title} failed: {why}."


def _describe(provider: str, function: Callable[..., Any]) -> _LocalTool:
    name = getattr(function, "__name__", "")
    mark = cast("_Mark", getattr(function, _MARK, _Mark()))
    description = inspect.cleandoc(function.__doc__ or "").split("\n\n", 1)[0]
    if not name.isidentifier() or not description:
        raise TypeError(
            f"{function!r} cannot be a tool: it needs a name and a docstring that says what it does"
        )
    arguments = _arguments_of(function)
    spec = ToolSpec(
        slug=f"{provider}_{name}",
        toolkit=provider,
        title=mark.title or name.replace("_", " ").capitalize(),
        description=description,
        parameters=_parameters_of(arguments),
        hints=mark.hints,
        version=mark.version,
    )
    return _LocalTool(function, arguments, spec)


def _arguments_of(function: Callable[..., Any]) -> type[BaseModel]:
    """The model that checks a call's arguments; methods of many objects (one desk a user) share it."""
    if inspect.ismethod(function):
        return _model_of(function.__func__, skip=1)
    return _model_of(function, skip=0)


@lru_cache(maxsize=1024)
def _model_of(function: Callable[..., Any], *, skip: int) -> type[BaseModel]:
    annotations = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function!r} cannot be a tool: {parameter} has no single name to fill in")
        if parameter.name not in annotations:
            raise TypeError(f"{function!r} cannot be a tool: annotate the parameter {parameter.name}")
        default = ... if parameter.default is parameter.empty else parameter.default
        annotated = Annotated[annotations[parameter.name], Field(alias=parameter.name)]
        fields[_PREFIX + parameter.name] = (annotated, default)
    settings = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=False)
    return create_model(function.__name__, __config__=settings, **fields)


@lru_cache(maxsize=1024)
def _parameters_of(arguments: type[BaseModel]) -> JsonSchema:
    return inline_schema(arguments.model_json_schema(by_alias=True))


def _checked(local: _LocalTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the function wants them; raises ArgumentsInvalid if they do not fit."""
    for name, value in arguments.items():
        if not _is_text_all_through(value):
            raise ArgumentsInvalid("contains half a character (a lone surrogate)", field=name)
    try:
        parsed = local.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        raise _refusal(local, error.errors(include_url=False)) from error
    given = {field.removeprefix(_PREFIX) for field in parsed.model_fields_set}
    return {name: getattr(parsed, _PREFIX + name) for name in given}


def _is_text_all_through(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(local: _LocalTool, errors: Sequence[ErrorDetails]) -> ArgumentsInvalid:
    names = ", ".join(local.spec.parameters["properties"]) or "no parameters"
    told = [_complaint(error, names) for error in errors[:3]]
    field, first = told[0]
    others = [f"{name}: {message}" for name, message in told[1:]]
    return ArgumentsInvalid("; ".join([first, *others]), field=field)


def _complaint(error: ErrorDetails, names: str) -> tuple[str, str]:
    field = ".".join(str(part) for part in error["loc"]) or "arguments"
    match error["type"]:
        case "missing":
            return field, "is required"
        case "extra_forbidden":
            return field, f"this tool has no such parameter; it takes {names}"
        case _:
            shown = repr(error["input"])
            shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
            message = error["msg"].removeprefix("Value error, ")
            return field, f"{message[:1].lower()}{message[1:]}; got {shown}"

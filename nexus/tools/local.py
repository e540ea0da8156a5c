"""Turns annotated Python functions into tools, so that any function can be offered to the model."""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints, overload

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
    shows_others: bool = False


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *,
    title: str | None = None,
    reads: bool = False,
    hints: Iterable[Hint] = (),
    version: str = "1",
    shows_others: bool = False,
) -> Callable[[Function], Function]: ...
def tool(
    function: Any = None,
    /,
    *,
    title: str | None = None,
    reads: bool = False,
    hints: Iterable[Hint] = (),
    version: str = "1",
    shows_others: bool = False,
) -> Any:
    """Mark a function or method as a tool; without hints nothing is known of it, so each call asks.

    The function runs in this process, with all the rights that Nexus has: there is no sandbox. Its docstring
    and annotations are what the model reads; arguments are checked against them before it is called. It may
    raise the errors of `nexus.ports.tools.ToolProvider.call` to say what became of a call; after any other
    one, and if it takes longer than `NEXUS_TOOL_TIMEOUT`, a call that asked counts as of unknown outcome.

    Args:
        function: The function, if the decorator stands without parentheses.
        title: A short name for people; the function's name in words if there is none.
        reads: It changes nothing and sends nothing out, so it may run without asking.
        hints: What the function does to the world.
        shows_others: It returns what others may have written, e.g. their letters.
        version: Raise it when the function does something else than before; approvals are bound to it.
    """
    every = frozenset[Hint]({*hints, "readOnlyHint"} if reads else hints)

    def mark(function: Any) -> Any:
        setattr(function, _MARK, _Mark(title, every, version, shows_others))
        return function

    return mark if function is None else mark(function)


def is_marked(value: object) -> bool:
    """True for a function that `tool` has marked."""
    return inspect.isroutine(value) and hasattr(value, _MARK)


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
            local = _describe(name, function, is_local=acts_on_files)
            if local.spec.slug in self._tools:
                raise ValueError(f"two functions are called {local.spec.slug}; rename one of them")
            self._tools[local.spec.slug] = local

    @property
    def name(self) -> str:
        """The provider's name, e.g. `desk`."""
        return self._name

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """Every function as a tool, in the order they were given."""
        return [local.spec for local in self._tools.values()]

    async def tools(self) -> Sequence[ToolSpec]:
        """Every function, in the order they were given."""
        return self.specs

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


def _describe(provider: str, function: Callable[..., Any], *, is_local: bool) -> _LocalTool:
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
        is_local=is_local or _only_reads(mark),
        returns_own=is_local and not mark.shows_others,
    )
    return _LocalTool(function, arguments, spec)


def _only_reads(mark: _Mark) -> bool:
    """True if whoever wrote the function says that it sends nothing out."""
    return "readOnlyHint" in mark.hints and "openWorldHint" not in mark.hints


def _arguments_of(function: Callable[..., Any]) -> type[BaseModel]:
    """The model that checks a call's arguments; methods of many objects (one desk a user) share it."""
    if inspect.ismethod(function):
        return _model_of(function.__func__, skip=1)
    return _model_of(function, skip=0)


@lru_cache(maxsize=1024)
def _model_of(function: Callable[..., Any], *, skip: int) -> type[BaseModel]:
    annotations = get_type_hints(function, include_extras=True)
    described = _described_in(function.__doc__ or "")
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function!r} cannot be a tool: {parameter} has no single name to fill in")
        if parameter.name not in annotations:
            raise TypeError(f"{function!r} cannot be a tool: annotate the parameter {parameter.name}")
        default = ... if parameter.default is parameter.empty else parameter.default
        kind, *facts = _taken_apart(annotations[parameter.name])
        # The later of two descriptions counts: what stands in the annotation is above the docstring's.
        facts = [Field(description=described.get(parameter.name)), *facts, Field(alias=parameter.name)]
        annotated = Annotated[kind, *facts]
        fields[_PREFIX + parameter.name] = (annotated, default)
    settings = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=False)
    return create_model(function.__name__, __config__=settings, **fields)


def _taken_apart(annotation: Any) -> tuple[Any, ...]:
    """The type, and what `Annotated` says of it."""
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)


def _described_in(docstring: str) -> Mapping[str, str]:
    """The parameters that the docstring describes, in any of the usual styles."""
    if "\n" not in docstring.strip():
        return {}
    from docstring_parser import ParseError, parse  # noqa: PLC0415 - few tools need it

    try:
        return {each.arg_name: " ".join((each.description or "").split()) for each in parse(docstring).params}
    except ParseError:
        return {}


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

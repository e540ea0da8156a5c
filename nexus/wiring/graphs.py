"""The graphs of `langgraph.json`: Nexus's own, and those of whoever runs the server."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore
from langgraph_sdk import Auth

from nexus.errors import SettingsInvalid
from nexus.ports.runs import AGENT
from nexus.runtime.graphs import Graph, Graphs
from nexus.settings import Settings

OWN_PATH = "nexus/app.py:graph"
"""What `langgraph.json` says of Nexus's own graph, for the development server."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the file names: `source` is a graph, or makes one; None is Nexus's own."""

    name: str
    source: Any


def load_graphs(file: Path | None) -> tuple[Loaded, ...]:
    """The graphs that the file names, and Nexus's own in any case.

    Raises:
        SettingsInvalid: The file or what it names cannot be used.
    """
    own = Loaded(AGENT, None)
    if file is None:
        return (own,)
    try:
        named: Any = written_in(file)["graphs"]
        paths = {
            str(name): entry["path"] if isinstance(entry, dict) else entry for name, entry in named.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingsInvalid(
            f"{file} names no graphs ({type(error).__name__})",
            field="NEXUS_GRAPHS",
            remedy='It needs {"graphs": {"name": "./file.py:graph"}}.',
        ) from error
    sys.path[:0] = [str(file.parent.resolve())]
    found = [Loaded(name, _source(name, str(path), file.parent)) for name, path in paths.items()]
    return tuple(found) if any(each.name == AGENT for each in found) else (own, *found)


def load_auth(settings: Settings) -> Auth | None:
    """The operator's `Auth` object: the setting's, or the one that the file of graphs names; None: keys do.

    Raises:
        SettingsInvalid: It cannot be loaded.
    """
    path, folder = settings.auth, Path.cwd()
    if path is None and settings.graphs is not None:
        named: Any = written_in(settings.graphs).get("auth") or {}
        path, folder = named.get("path"), settings.graphs.parent
    if path is None:
        return None
    found = loaded("auth", path, folder, field="NEXUS_AUTH")
    if not isinstance(found, Auth):
        raise SettingsInvalid(
            f"{path} is a {type(found).__name__}", field="NEXUS_AUTH", remedy="Make a langgraph_sdk.Auth()."
        )
    return found


def written_in(file: Path) -> dict[str, Any]:
    """The document in a file. Raises SettingsInvalid: there is none."""
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsInvalid(
            f"{file} cannot be read ({type(error).__name__})",
            field="NEXUS_GRAPHS",
            remedy='It needs {"graphs": {"name": "./file.py:graph"}}.',
        ) from error
    if not isinstance(document, dict):
        raise SettingsInvalid(
            f"{file} holds no object",
            field="NEXUS_GRAPHS",
            remedy='It needs {"graphs": {"name": "./file.py:graph"}}.',
        )
    return document


def _source(name: str, path: str, folder: Path) -> Any:
    if path.removeprefix("./").endswith(OWN_PATH):
        return None
    return loaded(name, path, folder, field="NEXUS_GRAPHS")


def loaded(name: str, path: str, folder: Path, *, field: str) -> Any:
    """What is called so in that file. Raises SettingsInvalid."""
    place, _, attribute = path.rpartition(":")
    try:
        module = _module(name, place, folder)
        return getattr(module, attribute)
    # The file is somebody else's program: whatever it raises is told with the graph's name.
    except Exception as error:
        raise SettingsInvalid(
            f"{name!r} cannot be loaded from {path!r}: {type(error).__name__}: {error}",
            field=field,
            remedy="Name a file and what it is called there: ./file.py:name.",
        ) from error


def _module(name: str, place: str, folder: Path) -> Any:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location(f"nexus_graph_{name}", folder / place)
    if spec is None or spec.loader is None:
        raise ImportError(place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def graphs_for(
    loaded: tuple[Loaded, ...],
    agent: CompiledStateGraph[Any, Any, Any, Any],
    checkpointer: BaseCheckpointSaver[Any],
    store: BaseStore,
) -> Graphs:
    """One user's graphs, all over that user's checkpoints and store."""

    def graph(each: Loaded) -> Graph:
        if each.source is None:
            return Graph(each.name, lambda _: _opened(agent), asks_first=True)
        is_made = not isinstance(each.source, Pregel | StateGraph)
        return Graph(each.name, _opener(each.source, checkpointer, store), is_made=is_made)

    return Graphs({each.name: graph(each) for each in loaded}, checkpointer, store)


def _opener(
    source: Any, checkpointer: BaseCheckpointSaver[Any], store: BaseStore
) -> Callable[[RunnableConfig], AbstractAsyncContextManager[Pregel[Any, Any, Any, Any]]]:
    if isinstance(source, Pregel | StateGraph):
        once = _over(source, checkpointer, store)
        return lambda _: _opened(once)
    return lambda config: _made(source, config, checkpointer, store)


@asynccontextmanager
async def _opened(graph: Pregel[Any, Any, Any, Any]) -> AsyncGenerator[Pregel[Any, Any, Any, Any]]:
    yield graph


@asynccontextmanager
async def _made(
    factory: Any, config: RunnableConfig, checkpointer: BaseCheckpointSaver[Any], store: BaseStore
) -> AsyncGenerator[Pregel[Any, Any, Any, Any]]:
    """What a factory makes for this configuration: a graph, an awaitable or a context manager of one."""
    takes_config = bool(inspect.signature(factory).parameters)
    made = factory(config) if takes_config else factory()
    if inspect.isawaitable(made):
        made = await made
    if isinstance(made, AbstractAsyncContextManager):
        async with made as graph:
            yield _over(graph, checkpointer, store)
    elif isinstance(made, AbstractContextManager):
        with made as graph:
            yield _over(graph, checkpointer, store)
    else:
        yield _over(made, checkpointer, store)


def _over(graph: Any, checkpointer: BaseCheckpointSaver[Any], store: BaseStore) -> Pregel[Any, Any, Any, Any]:
    """The graph over the server's own checkpoints and store, whatever it was compiled with."""
    compiled = graph.compile() if isinstance(graph, StateGraph) else graph
    if not isinstance(compiled, Pregel):
        raise SettingsInvalid(
            f"it is a {type(compiled).__name__}, no graph", field="NEXUS_GRAPHS", remedy="Compile it first."
        )
    return compiled.copy({"checkpointer": checkpointer, "store": store})

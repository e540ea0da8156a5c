"""The server: the application over a running service, and the process that listens."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, cast

import uvicorn
from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from langgraph_sdk import Auth
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from nexus import __version__
from nexus.api import (
    approvals,
    audit,
    connections,
    decisions,
    endpoints,
    health,
    incoming,
    links,
    memories,
    model,
    outcomes,
    policy,
    results,
    reviews,
    slack,
    stories,
    toolkits,
    users,
    webhooks,
)
from nexus.api.access import identified
from nexus.api.beside import Beside, Http
from nexus.api.errors import LastResort, install
from nexus.api.guard import MAX_BODY, Guard
from nexus.api.hook import Hook
from nexus.api.langgraph import assistants, items, protocol, runs, sockets, stateless, threads
from nexus.api.langgraph.authorized import authorized
from nexus.api.openai import chat
from nexus.api.openai.errors import OpenAIErrors
from nexus.api.openapi import describe
from nexus.api.pages.routers import PAGES
from nexus.core.user import OWNER
from nexus.errors import NexusError, SettingsInvalid
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.fetching import Fetching
from nexus.runtime.held import HeldDecisions
from nexus.runtime.notices import working
from nexus.runtime.recovery import recover_all
from nexus.runtime.services import Services
from nexus.runtime.sweeping import sweeping
from nexus.settings import Settings
from nexus.web.pages import STATIC

GRACE_SECONDS = 5
"""How long open requests, and after them the runs, may take to end at shutdown."""

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

PUBLIC = (health, webhooks, incoming, slack, links)
"""Routers whose routes need no key."""

LANGGRAPH = (runs, threads, assistants, protocol, stateless, items, chat, stories, results)
"""Routers of what an operator's `@auth.on` handlers are asked about; the busiest are tried first."""

SWITCHES = {
    assistants: "assistants",
    threads: "threads",
    protocol: "threads",
    sockets: "threads",
    runs: "runs",
    stateless: "runs",
    items: "store",
}
"""What `langgraph.json` can leave out (`http.disable_…`)."""

PRIVATE = (
    decisions,
    approvals,
    outcomes,
    reviews,
    policy,
    audit,
    toolkits,
    connections,
    model,
    endpoints,
    memories,
    users,
)
"""Routers of what else belongs to a user."""

_CORS: dict[str, Any] = {
    "allow_methods": ["*"],
    "allow_headers": ["*"],
    "expose_headers": [
        "Content-Location",
        "Location",
        "ETag",
        "Retry-After",
        "X-Pagination-Total",
        "X-Pagination-Next",
    ],
    "allow_private_network": True,  # a page from the internet asks for that, before it reaches this machine
}
"""What pages of the origins that were let in may do. No cookies: whoever asks is told by a key."""

_DESCRIPTION = """\
A small local model acts on your real apps, shows you the exact action first, and acts once.

Start a run in a thread; when it pauses, decide on its approval; it goes on. Errors are
`application/problem+json` (RFC 9457) and say what you can do about them.

Once `nexus users add` has made a key, every request needs one; each user sees only what is their own.
Where a LangGraph `Auth` object says who asks, its `@auth.on` handlers are asked about threads, runs,
assistants and the store; the other routes only ask who it is.
"""


def create_api(
    open_services: OpenServices, settings: Settings, auth: Auth | None = None, http: Http | None = None
) -> FastAPI:
    """The application. It opens the services at its start, and goes on behind it with what was cut off.

    Args:
        open_services: Everything behind the routes.
        settings: Those in force.
        auth: Says who asks, in place of keys, and which resources they may see and change.
        http: What is served beside the routes, and which of them are not.

    Raises:
        SettingsInvalid: The address to bind is not this machine's own.
    """
    check_host(settings.host)
    closing = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        try:
            async with open_services() as services:
                every, held = AllRuns(), HeldDecisions(settings.undo_seconds, closing)
                # The owner's is opened first of all: what is wrong with the settings is told at the start.
                own = every.of(await services.of(OWNER))
                own.supervise(lambda: recover_all(services, every))
                async with (
                    working(services.notices.deliverer, grace=GRACE_SECONDS),
                    sweeping(services, every),
                    beside.running(),
                ):
                    yield {"services": services, "runs": every, "held": held, "fetching": Fetching(settings)}
                    closing.set()  # under another server than ours
                    await held.close()
                await every.close(grace=GRACE_SECONDS)
        except NexusError as error:
            app.state.failure = error
            raise

    app = FastAPIOffline(
        title="Nexus",
        version=__version__,
        summary="An agent server that asks first",
        description=_DESCRIPTION,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        swagger_ui_parameters={"validatorUrl": None, "displayRequestDuration": True},
    )
    app.state.failure = None
    app.state.public_url = settings.public_url
    app.state.closing = closing
    app.state.hook = Hook(auth) if auth is not None else None
    http = http or Http()
    _include_routes(app, http.disabled)
    install(app)
    beside = Beside(http, app.router.routes)
    if http.app is not None:
        app.router.default = beside
    origins = (*settings.cors_origins, *http.origins)
    app.add_middleware(
        Guard,
        hosts=[settings.host],
        public_url=settings.public_url,
        origins=origins,
        is_others=beside.takes,
    )
    app.add_middleware(LastResort)
    app.add_middleware(OpenAIErrors)
    if origins:  # outermost: such a page may also read why it was refused
        app.add_middleware(CORSMiddleware, allow_origins=origins, **_CORS)
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        return document or (document.update(describe(app)) or document)

    app.openapi = openapi
    return app


def _include_routes(app: FastAPI, disabled: Collection[str]) -> None:
    for module in LANGGRAPH:
        if SWITCHES.get(module) not in disabled:
            app.include_router(module.router, dependencies=[Depends(identified), Depends(authorized)])
    for module in PUBLIC:
        app.include_router(module.router)
    for module in PAGES:  # each finds out who asks by itself: a browser sends no key
        app.include_router(module.router)
    for module in PRIVATE:
        app.include_router(module.router, dependencies=[Depends(identified)])
    if SWITCHES[sockets] not in disabled:
        app.include_router(sockets.router)  # it looks for the key itself: FastAPI's forms of one are HTTP's
    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def run_api(app: FastAPI, settings: Settings) -> None:
    """Listen until the process is told to stop; then let requests and runs end, for a bounded time.

    Raises:
        SettingsInvalid: The address or the port cannot be used.
        NexusError: The service could not be opened.
    """
    listener = listen(settings)
    server = Server(configured(app), listener)
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    except SystemExit as error:
        failure: NexusError | None = app.state.failure
        raise (failure or error) from None
    finally:
        listener.close()


def check_host(host: str) -> None:
    """Make sure only programs on this machine can connect. Raises SettingsInvalid."""
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    if host != "localhost":
        raise SettingsInvalid(
            f"{host} can be reached from other machines, and what you and the users send is not encrypted",
            field="NEXUS_HOST",
            remedy="Use 127.0.0.1; from elsewhere, tunnel with ssh -L.",
        )


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises SettingsInvalid if the address or port cannot be had."""
    check_host(settings.host)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsInvalid(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror})",
            field="NEXUS_PORT",
            remedy="Another Nexus may run already; or choose another port.",
        ) from error


class Server(uvicorn.Server):
    """Uvicorn that says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the service, then tell the operator."""
        await super().startup(sockets)
        # What is there now stays. To look through it again and again stops the loop for 0.3 s each time.
        gc.collect()
        gc.freeze()
        sys.stdout.write(f"Nexus listens on {self.url} (inbox: {self.url}/, API: {self.url}/docs)\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell pages that are open to come back later, and decide nothing more; then end as uvicorn does."""
        app = cast("FastAPI", self.config.app)
        app.state.closing.set()
        await super().shutdown(sockets)


def configured(app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        lifespan="on",
        http="h11",  # the other one takes the body of a request that offers an upgrade for the next request
        ws="websockets-sansio",
        ws_max_size=MAX_BODY,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=LOGGING,
    )


class WithoutQuery(logging.Filter):
    """Keeps what stands behind the `?` out of the access log: it may be private."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut the query off."""
        if isinstance(record.args, tuple) and len(record.args) > 2:  # noqa: PLR2004 - client, method, path
            client, method, path, *rest = record.args
            record.args = (client, method, str(path).partition("?")[0], *rest)
        return True


class WithoutTracebacks(logging.Filter):
    """Keeps uvicorn's traceback of a failed start out of the log: `run_api` raises the error itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop tracebacks."""
        return not record.getMessage().startswith("Traceback")


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"query": {"()": WithoutQuery}, "traceback": {"()": WithoutTracebacks}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "nexus": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "uvicorn.error": {"filters": ["traceback"], "level": "WARNING"},
        "uvicorn.access": {"filters": ["query"], "level": "INFO"},
    },
}

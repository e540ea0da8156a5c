"""What `langgraph dev` takes from Nexus beside the graph: checkpoints and a store on disk, who may come in.

The development server keeps the list of its threads and runs itself, so both files are its own, in the folder
`studio` of the home; approvals, the ledger and the desk are the owner's, as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph_sdk import Auth

from nexus.core.user import OWNER
from nexus.errors import Unidentified
from nexus.settings import load_settings
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import make_private_folder
from nexus.store.items import open_items
from nexus.wiring.users import open_users

auth = Auth()
"""Without users nobody needs a key; with users the owner's: what runs here runs as the owner."""


@asynccontextmanager
async def checkpointer() -> AsyncGenerator[AsyncSqliteSaver]:
    """The development server's threads, on disk."""
    async with open_checkpoints(await asyncio.to_thread(_folder) / "checkpoints.db") as saver:
        yield saver


@asynccontextmanager
async def store() -> AsyncGenerator[AsyncSqliteStore]:
    """The development server's items, on disk."""
    async with open_items(await asyncio.to_thread(_folder) / "store.db") as items:
        yield items


@auth.authenticate
async def authenticate(authorization: str | None, headers: Mapping[bytes, bytes]) -> str:
    """The owner, by the key if there are users."""
    bearer = authorization.partition(" ")[2] if authorization else None
    key = bearer or headers.get(b"x-api-key", b"").decode("latin-1") or None
    settings = await asyncio.to_thread(load_settings)
    async with open_users(settings) as users:
        try:
            caller = await users.identify(key)
        except Unidentified as error:
            raise Auth.exceptions.HTTPException(status_code=401, detail=error.message) from error
    if caller.user != OWNER:
        raise Auth.exceptions.HTTPException(status_code=403, detail="Only the owner's key counts here.")
    return caller.user


def _folder() -> Path:
    folder = load_settings().home / "studio"
    make_private_folder(folder.parent)
    make_private_folder(folder)
    return folder

"""Memory stores that cannot be reached or are not ours to use: said plainly, in time, without secrets."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from nexus.core.memory import MemoryId
from nexus.errors import NotFound, SettingsInvalid, StoreUnavailable
from nexus.testing import FakeClock, WordEmbedder
from tests.contract.memory_places import THEN, memory
from tests.servers.pinecone.standin import PineconeStandIn
from tests.servers.running import running

pytest.importorskip("langchain_chroma", reason="langchain-chroma is not installed")
pytest.importorskip("langchain_pinecone", reason="langchain-pinecone is not installed")

from nexus.memory import chroma, chroma_places, pinecone
from nexus.memory.chroma_places import ChromaFolder, ChromaPlace, ChromaServer
from nexus.memory.pinecone import PineconeIndex, PineconeMemories, open_pinecone
from nexus.memory.records import Records
from nexus.memory.sealing import Seal, Sealed, Unsealed

SOON = 0.5


def chroma_at(place: ChromaPlace, seal: Seal | None = None) -> chroma.ChromaMemories:
    embedder = WordEmbedder()
    records = Records("ada", embedder.name, seal or Unsealed(), chroma.has_any_of)
    return chroma.ChromaMemories(place, records, embedder, FakeClock(), collection="test-ada")


def pinecone_at(index: PineconeIndex) -> PineconeMemories:
    embedder = WordEmbedder()
    records = Records("ada", embedder.name, Unsealed(), pinecone.has_any_of)
    return PineconeMemories(index, records, embedder, FakeClock(), namespace="ada")


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_chroma_server_that_never_answers_is_given_up():
    async with silent_server() as url:
        place = ChromaServer(url, timeout=SOON)
        with pytest.raises(StoreUnavailable, match="Chroma server"):
            await asyncio.wait_for(chroma_at(place).list(), 10)


async def test_a_connected_chroma_is_given_up_in_time_too_and_sent_the_token(chroma_url: Callable[[], str]):
    place = ChromaServer(chroma_url(), "t0ken", timeout=SOON)
    assert await chroma_at(place).list() == []
    for session in chroma_places._sessions_of(place._client):
        assert session.timeout.read == SOON
        assert session.headers["authorization"] == "Bearer t0ken"
    await place.close()


async def test_a_chroma_server_that_is_not_there_is_named():
    async with silent_server() as url:
        pass
    with pytest.raises(StoreUnavailable, match=r"Chroma server.*NEXUS_MEMORY"):
        await chroma_at(ChromaServer(url, timeout=SOON)).search("x")


async def test_a_folder_that_another_process_does_not_let_go_of_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chroma_places, "SECONDS", SOON)
    with FileLock(tmp_path / "nexus.lock"), pytest.raises(StoreUnavailable, match="Another process"):
        await chroma_at(ChromaFolder(tmp_path)).list()


async def test_the_folder_of_one_user_is_closed_to_others(tmp_path: Path):
    place = ChromaFolder(tmp_path / "chroma")
    await chroma_at(place).put([memory("m", "alpha")])
    await place.close()
    assert (tmp_path / "chroma").stat().st_mode & 0o077 == 0


WRITER = """
import asyncio, sys
from pathlib import Path
from nexus.memory.chroma_places import ChromaFolder
from tests.contract.memory_places import memory
from tests.contract.test_memory_trouble import chroma_at

async def main():
    store = chroma_at(ChromaFolder(Path(sys.argv[1])))
    for number in range(6):
        await store.put([memory(f"{sys.argv[2]}{number}", f"alpha {number}")])
        await store.search("alpha")
    await store.delete([f"{sys.argv[2]}0"])

asyncio.run(main())
"""


async def test_two_processes_in_one_folder_lose_nothing(tmp_path: Path):
    """Chroma itself knows of one process: two would write over each other's index."""
    place = ChromaFolder(tmp_path / "chroma")
    store = chroma_at(place)
    await store.put([memory("mine", "alpha")])
    others = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path / "chroma"), name, "6"
        )
        for name in ("a", "b")
    ]
    for number in range(6):
        await store.put([memory(f"c{number}", f"alpha {number}")])
    assert [await other.wait() for other in others] == [0, 0]
    expected = {"mine", *(f"{name}{number}" for name in "abc" for number in range(6))} - {"a0", "b0"}
    assert {each.memory.id for each in await store.search("alpha", limit=50)} == expected
    assert {each.id for each in await store.list()} == expected
    await place.close()


async def test_a_record_whose_deletion_was_cut_off_is_no_memory_any_more_and_can_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Chroma's records are written over before they are deleted."""
    place = ChromaFolder(tmp_path / "chroma")
    store = chroma_at(place)
    await store.put([memory("m", "alpha"), memory("other", "beta")])

    def cut_off(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("chromadb.Collection.delete", cut_off)
        with pytest.raises(StoreUnavailable, match="no space left"):
            await store.delete([MemoryId("m")])
    with pytest.raises(NotFound):
        await store.get(MemoryId("m"))
    assert [each.id for each in await store.list()] == ["other"]
    assert [each.memory.id for each in await store.search("alpha")] == ["other"]
    assert await store.delete([MemoryId("m")]) == 1
    await place.close()


async def test_past_what_cannot_be_read_more_of_the_index_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chroma, "AMONG", 3)
    place = ChromaFolder(tmp_path / "chroma")
    store = chroma_at(place)
    await chroma_at(place, Sealed(b"o" * 32, "ada")).put([memory("l1", "alpha"), memory("l2", "alpha")])
    await store.put([memory("far", "alpha beta"), memory("farther", "alpha beta gamma")])
    (found,) = await store.search("alpha", limit=1)
    assert (found.memory.id, found.score) == ("far", pytest.approx(0.5**0.5, abs=1e-3))
    assert [each.memory.id for each in await store.search("alpha", limit=2)] == ["far", "farther"]
    await place.close()


@pytest.mark.parametrize("trouble", ["a file is in its place", "its lock is a folder"])
async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, trouble: str):
    where = tmp_path / "chroma"
    if trouble == "a file is in its place":
        where.touch()
    else:
        (where / "nexus.lock").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="Chroma folder"):
        await chroma_at(ChromaFolder(where)).list()
    with pytest.raises(StoreUnavailable, match="Chroma folder"):
        await ChromaFolder(where).purge(["m"])


async def test_an_index_file_that_was_cut_off_is_named(tmp_path: Path):
    place = ChromaFolder(tmp_path / "chroma")
    await chroma_at(place).put([memory(f"m{number}", "alpha") for number in range(3)])
    (header,) = (tmp_path / "chroma").glob("*/header.bin")
    header.write_bytes(b"cut")
    with pytest.raises(StoreUnavailable, match="Chroma folder"):
        await chroma_at(place).list()
    await place.close()


async def test_overwriting_what_was_forgotten_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chroma_places, "SECONDS", 0.0001)
    with pytest.raises(StoreUnavailable, match="Chroma folder"):
        await ChromaFolder(tmp_path).purge(["m"])


@pytest.fixture
def standin() -> Iterator[PineconeStandIn]:
    """Pinecone with one index for these vectors."""
    made = PineconeStandIn()
    with running(made.app) as url:
        made.url = url
        yield made


async def test_a_key_that_pinecone_does_not_know_is_named_and_not_repeated(standin: PineconeStandIn):
    index = PineconeIndex(standin.name, "pcsk-wrong-canary", standin.url)
    with pytest.raises(StoreUnavailable, match=r"401.*PINECONE_API_KEY") as refused:
        await pinecone_at(index).list()
    assert "canary" not in str(refused.value)


async def test_an_index_that_is_not_there_is_named(standin: PineconeStandIn):
    with pytest.raises(StoreUnavailable, match=r"index other .*404: Resource other not found"):
        await pinecone_at(PineconeIndex("other", standin.api_key, standin.url)).list()


async def test_an_index_for_other_vectors_is_refused_with_a_way_out(standin: PineconeStandIn):
    standin.dimension = 8
    with pytest.raises(StoreUnavailable, match=r"vectors of 8 numbers.*makes 256.*Export"):
        await pinecone_at(PineconeIndex(standin.name, standin.api_key, standin.url)).put([memory("m", "x")])
    assert standin.requests == [f"GET /indexes/{standin.name}"]


async def test_an_index_that_compares_otherwise_is_refused(standin: PineconeStandIn):
    standin.metric = "euclidean"
    with pytest.raises(StoreUnavailable, match="euclidean"):
        await pinecone_at(PineconeIndex(standin.name, standin.api_key, standin.url)).list()


async def test_what_pinecone_refuses_is_told_in_its_words(standin: PineconeStandIn):
    store = pinecone_at(PineconeIndex(standin.name, standin.api_key, standin.url))
    standin.fault = 429
    with pytest.raises(StoreUnavailable, match="429"):
        await store.list()
    standin.fault = None
    await store.put([memory("m", "alpha")])
    assert (await store.list())[0].created_at == THEN


async def test_a_record_that_is_no_memory_is_skipped_and_can_be_deleted(standin: PineconeStandIn):
    store = pinecone_at(PineconeIndex(standin.name, standin.api_key, standin.url))
    await store.put([memory("m", "alpha"), memory("bare", "alpha"), memory("broken", "alpha")])
    shown = standin.namespaces["ada"].shown()
    del shown["bare"]["metadata"]["memory"]
    shown["broken"]["metadata"]["memory"] = '{"id": "broken"}'
    assert [each.id for each in await store.list()] == ["m"]
    assert [each.memory.id for each in await store.search("alpha")] == ["m"]
    for name in ("bare", "broken"):
        with pytest.raises(NotFound):
            await store.get(MemoryId(name))
    assert await store.delete([MemoryId("bare"), MemoryId("broken")]) == 2


async def test_an_answer_that_is_not_pinecones_is_named(standin: PineconeStandIn):
    standin.dimension = None  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await pinecone_at(PineconeIndex(standin.name, standin.api_key, standin.url)).list()


async def test_a_pinecone_that_never_answers_is_given_up():
    async with silent_server() as url:
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await pinecone_at(PineconeIndex("memories", "pcsk", url, timeout=SOON)).list()


async def test_an_index_that_never_answers_is_given_up(standin: PineconeStandIn):
    async with silent_server() as url:
        index = PineconeIndex(standin.name, standin.api_key, standin.url, timeout=SOON)
        with running(standin.app) as control:
            standin.url, index._url = url, control
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                await asyncio.wait_for(pinecone_at(index).list(), 60)


async def test_pinecone_without_a_key_is_a_setting_to_correct():
    with pytest.raises(SettingsInvalid, match="PINECONE_API_KEY"):
        async with open_pinecone("memories", None):
            pass


QUIET = """
import asyncio, json, sys
from pathlib import Path

reached = []

def watch(event, about):
    if event in ("socket.connect", "socket.getaddrinfo"):
        reached.append(str(about[:2]))

sys.addaudithook(watch)

from nexus.memory.chroma_places import ChromaFolder
from tests.contract.memory_places import memory
from tests.contract.test_memory_trouble import chroma_at

async def main():
    place = ChromaFolder(Path(sys.argv[1]))
    store = chroma_at(place)
    await store.put([memory("m", "alpha")])
    found = [each.memory.id for each in await store.search("alpha")]
    await store.delete(["m"])
    await place.close()
    print(json.dumps({"found": found, "reached": reached}))

asyncio.run(main())
"""
CONNECTED = re.compile(r"(?:connect|sendto)\(.*AF_INET6?.*")


def test_an_embedded_chroma_reaches_nobody_and_fetches_no_model(tmp_path: Path):
    """Whatever the environment says. Half of Chroma is Rust, so the system watches too where strace is."""
    traced = tmp_path / "trace"
    watch = ["strace", "-f", "-e", "trace=connect,sendto", "-o", traced] if shutil.which("strace") else []
    done = subprocess.run(
        [*watch, sys.executable, "-c", QUIET, tmp_path / "chroma"],
        env={
            **os.environ,
            "HOME": str(tmp_path / "home"),
            "ANONYMIZED_TELEMETRY": "True",
            "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://tracing.example.com",
            "CHROMA_OTEL_GRANULARITY": "all",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {"found": ["m"], "reached": []}
    assert not watch or CONNECTED.findall(traced.read_text()) == []
    assert not list((tmp_path / "home").rglob("*.onnx"))

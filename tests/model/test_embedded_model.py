"""The embedded model on its real weights: what only the engine in this process promises."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.errors import ModelMissing, ModelUnavailable
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine, idle_cores
from nexus.models.memory_need import need_of_file
from nexus.models.prompt_size import estimate_tokens, least_tokens
from nexus.ports.model import ChatMessage
from tests.servers.weights import small_weights

pytestmark = pytest.mark.model

LONG = ChatMessage("system", "You name one tool. " + "A tool does one thing for a person. " * 40)
STEP = {
    "type": "object",
    "properties": {"tool": {"enum": ["mail", "wait"]}, "to": {"type": "string", "maxLength": 10}},
    "required": ["tool", "to"],
    "additionalProperties": False,
}


@pytest.fixture(name="model", scope="module")
def _model() -> Iterator[EmbeddedModel]:
    model = EmbeddedModel(EmbeddedEngine(small_weights(), num_ctx=1024), name="small")
    yield model
    asyncio.run(model.close())


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


async def test_a_second_call_reads_only_the_tail_of_its_prompt(model: EmbeddedModel):
    await model.complete([LONG, user("Mail Ana.")], schema=STEP, max_tokens=60)
    second = await model.complete([LONG, user("Mail Bob.")], schema=STEP, max_tokens=60)
    assert second.prompt_tokens - second.cached_tokens < 20


async def test_an_interleaved_conversation_keeps_its_prefix(model: EmbeddedModel):
    await model.complete([LONG, user("Mail Ana.")], schema=STEP, max_tokens=60)
    other = ChatMessage("system", "Answer in one word. " * 60)
    await model.complete([other, user("Hello?")], max_tokens=60)
    again = await model.complete([LONG, user("Mail Bob.")], schema=STEP, max_tokens=60)
    assert again.prompt_tokens - again.cached_tokens < 20


async def test_a_cancelled_call_frees_the_engine_for_the_next(model: EmbeddedModel):
    heard = asyncio.Event()
    endless = [user("Count from 1 to 900, one number a line.")]
    call = asyncio.create_task(model.complete(endless, max_tokens=900, on_text=lambda _: heard.set()))
    await heard.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await model.complete([user("Mail Ana.")], schema=STEP, max_tokens=60)


async def test_a_call_cancelled_while_it_waits_never_runs(model: EmbeddedModel):
    heard = asyncio.Event()
    running = asyncio.create_task(
        model.complete([user("Count to 900.")], max_tokens=900, on_text=lambda _: heard.set())
    )
    await heard.wait()
    said: list[str] = []
    waiting = asyncio.create_task(model.complete([user("Hi")], max_tokens=60, on_text=said.append))
    await asyncio.sleep(0)
    for task in (waiting, running):
        task.cancel()
    await asyncio.gather(waiting, running, return_exceptions=True)
    assert await model.complete([user("Mail Ana.")], schema=STEP, max_tokens=60)
    assert not said


async def test_a_call_that_takes_too_long_is_ended(model: EmbeddedModel):
    hasty = EmbeddedModel(model._engine, name="small", request_timeout=0.05)
    with pytest.raises(ModelUnavailable, match=r"0\.05 s"):
        await hasty.complete([user("Count from 1 to 900, one number a line.")], max_tokens=900)


async def test_a_schema_with_what_grammars_cannot_follow_still_gives_fitting_json(model: EmbeddedModel):
    schema = {
        "type": "object",
        "properties": {
            "word": {"type": "string", "pattern": "^(?=.)", "maxLength": 8},
            "kinds": {"type": "array", "items": {"enum": ["a"]}, "uniqueItems": True, "maxItems": 1},
        },
        "required": ["word", "kinds"],
        "additionalProperties": False,
    }
    done = await model.complete([user("Give a word in JSON.")], schema=schema, max_tokens=80)
    assert done.text.startswith("{")


async def test_nobody_outside_can_reach_the_engines_server(model: EmbeddedModel):
    await model.complete([user("Mail Ana.")], schema=STEP, max_tokens=60)
    address: str = model._engine._server.listening_address  # type: ignore[union-attr]
    assert address.startswith("unix:")
    assert not os.path.exists(address.removeprefix("unix://"))  # noqa: ASYNC240, PTH110 - one look at a local path


async def test_signals_stay_with_python(model: EmbeddedModel):
    await model.complete([user("Mail Ana.")], schema=STEP, max_tokens=60)
    came = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert came.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    "text",
    [
        "Plain prose, written by a person who explains how a machine works and why it was made. " * 6,
        '{"to": "ana@example.com", "subject": "Review moved", "body": "See you on Friday 3pm"}\n' * 6,
        "GMAIL_SEND_EMAIL: Send an email message now\nSLACK_POST_MESSAGE: post to a channel\n" * 6,
        "def squares(x):\n    return [y * y for y in range(x) if y % 2 == 0]\n" * 6,
        "Привет, как твои дела сегодня? " * 8,
        "日本語の文章をここに書きます。" * 8,
    ],
)
async def test_the_estimate_of_a_prompt_is_near_what_the_engine_counts(model: EmbeddedModel, text: str):
    answer = await model._ask([ChatMessage("system", "x"), user(text)], 1, None)
    prompt = [ChatMessage("system", "x"), user(text)]
    assert least_tokens(prompt) <= answer.prompt_tokens
    assert 0.75 < estimate_tokens(prompt) / answer.prompt_tokens < 1.5


def test_the_engine_uses_at_least_one_core():
    assert 1 <= idle_cores() <= (os.cpu_count() or 1)


def test_the_small_models_cache_is_what_llama_cpp_reports():
    need = need_of_file(small_weights(), num_ctx=8192)
    assert need.kv_cache == 96 << 20
    assert 20 << 20 < need.compute < 30 << 20


async def test_a_file_that_is_no_model_is_missing_not_a_crash(tmp_path: Path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    model = EmbeddedModel(EmbeddedEngine(tmp_path / "m.gguf", num_ctx=512), name="m")
    with pytest.raises(ModelMissing, match="not a usable GGUF"):
        await model.complete([user("Hi")])
    await model.close()


async def test_a_closed_model_is_unavailable(tmp_path: Path):
    model = EmbeddedModel(EmbeddedEngine(tmp_path / "m.gguf", num_ctx=512), name="m")
    await model.close()
    await model.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        await model.complete([user("Hi")])


_PROGRAM = """
import asyncio, sys
from pathlib import Path
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.ports.model import ChatMessage

async def main():
    model = EmbeddedModel(EmbeddedEngine(Path(sys.argv[1]), num_ctx=512), name="m")
    heard = asyncio.Event()
    call = asyncio.create_task(
        model.complete([ChatMessage("user", "Count.")], max_tokens=400, on_text=lambda _: heard.set())
    )
    await heard.wait()
    print("working", flush=True)

asyncio.run(main())
"""


def test_a_program_that_ends_while_the_model_writes_ends_cleanly_and_silently():
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(small_weights())],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "working\n", "")

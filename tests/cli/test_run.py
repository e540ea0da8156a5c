"""`nexus run` in a pipe: what is done, what is left pending, and the exit codes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from typing import Any

import pytest

from nexus.core.action import ThreadId
from nexus.ports.clock import SystemClock
from nexus.store.database import Database
from nexus.store.threads import SqliteThreads
from tests.cli.console import Home

TO = {"to": "design@example.com", "subject": "Friday"}
REQUEST = "Email design@example.com about Friday"


def test_reading_needs_no_approval_and_ends_with_0(home: Home) -> None:
    home.will_say(("desk_read", {}), answer="Two letters.")
    done = home.nexus("run", "What is in my inbox?")
    assert done.code == 0
    assert home.calls == [("desk_read", {})]
    assert "answer: Two letters." in done.out


def test_a_send_in_a_pipe_stays_pending_and_says_how_to_decide(home: Home) -> None:
    home.will_say(("desk_send", TO))
    done = home.nexus("run", REQUEST)
    assert done.code == 3
    assert home.calls == []
    assert "to: design@example.com  [you]" in done.out
    assert f"nexus approvals approve {home.pending()}" in done.out


def test_yes_to_approves_that_tool_and_no_other(home: Home) -> None:
    home.will_say(("desk_send", TO), ("desk_lose", {}))
    done = home.nexus("run", REQUEST, "--yes-to", "desk_send")
    assert done.code == 3
    assert home.calls == [("desk_send", TO)]


def test_yes_to_an_unknown_tool_is_refused_before_anything_runs(home: Home) -> None:
    home.will_say(("desk_send", TO))
    done = home.nexus("run", REQUEST, "--yes-to", "desk_sned")
    assert done.code == 2
    assert "desk_send" in done.err
    assert home.calls == []


def test_a_forbidden_tool_is_not_approved_by_yes_to(home: Home) -> None:
    home.will_say(("desk_forbidden", {}), answer="I may not.")
    done = home.nexus("run", "Burn it", "--yes-to", "desk_forbidden")
    assert home.calls == []
    assert "I may not." in done.out


def test_json_is_one_object_a_line_with_the_whole_approval(home: Home) -> None:
    home.will_say(("desk_send", TO))
    done = home.nexus("run", REQUEST, "--json")
    assert done.code == 3
    events = {line["event"]: line for line in done.lines}
    assert events["approval"]["arguments"] == TO
    assert len(events["approval"]["digest"]) == 64
    assert events["paused"]["thread_id"] == events["thread"]["thread_id"]


def test_a_second_request_goes_on_in_the_same_thread(home: Home) -> None:
    home.will_say(answer="Hello.")
    thread = home.nexus("run", "How are you?", "--json").lines[0]["thread_id"]
    home.will_say(answer="Hello again.")
    done = home.nexus("run", "How are you now?", "--thread", thread[:8])
    assert done.code == 0
    assert thread in done.out


def test_a_thread_without_anything_to_do_cannot_be_resumed(home: Home) -> None:
    home.will_say(answer="Hello.")
    thread = home.nexus("run", "How are you?", "--json").lines[0]["thread_id"]
    done = home.nexus("run", "--thread", thread)
    assert done.code == 2
    assert "nothing is left to do" in done.err


def test_a_question_of_the_model_ends_with_3_and_can_be_answered(home: Home) -> None:
    home.script([{"tool": "ask_user"}, {"question": "Which Anna?"}])
    asked = home.nexus("run", "Write to Anna", "--json")
    assert asked.code == 3
    home.will_say(("desk_send", TO), answer="Thanks.")
    answer = ("run", "design@example.com", "--thread", asked.lines[0]["thread_id"], "--yes-to", "desk_send")
    assert home.nexus(*answer).code == 0


def test_a_model_that_is_down_ends_with_5_and_the_thread_can_go_on(home: Home) -> None:
    home.script([{"raise": "ModelUnavailable"}])
    done = home.nexus("run", "How are you?", "--json")
    thread = done.lines[0]["thread_id"]
    assert (done.code, done.lines[-1]["error"]) == (5, "ModelUnavailable")
    assert "Traceback" not in done.err
    home.will_say(answer="Back again.")
    resumed = home.nexus("run", "--thread", thread)
    assert resumed.code == 0
    assert "Back again." in resumed.out


def test_nothing_to_do_is_bad_usage(home: Home) -> None:
    assert home.nexus("run").code == 2
    assert home.nexus("run", "  ").code == 2
    assert home.nexus("threads", "list", "--json").lines == []


def test_the_request_can_come_from_standard_input(home: Home) -> None:
    home.will_say(answer="Hello.")
    assert home.nexus("run", "-", stdin="How are you?").code == 0
    assert home.nexus("threads", "list", "--json").lines[0]["title"] == "How are you?"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_cut_off_goes_on_where_it_stopped(home: Home, end: signal.Signals) -> None:
    home.script([{"tool": "desk_read"}, {}, {"hang": True}])
    with subprocess.Popen(
        home.command("run", "What is new?"),
        cwd=home.path,
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        thread = process.stdout.readline().removeprefix("thread: ").strip()
        while "result" not in process.stdout.readline():
            pass
        while not (home.path / "hanging").exists():
            pass
        process.send_signal(end)
        out, _ = process.communicate(timeout=60)
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert f"nexus run --thread {thread}" in out
    home.will_say(answer="Two letters.")
    done = home.nexus("run", "--thread", thread)
    assert done.code == 0
    assert home.calls == [("desk_read", {})]


def test_a_thread_says_from_its_first_request_on_whose_it_is(home: Home) -> None:
    home.will_say(("desk_send", TO))
    thread = home.nexus("run", REQUEST, "--json").lines[-1]["thread_id"]
    assert labels(home, thread) == {"graph_id": "nexus"}


@pytest.mark.parametrize(
    "command",
    [("run", "--thread", "t", REQUEST), ("run", "--thread", "t"), ("chat", "--thread", "t")],
    ids=str,
)
def test_a_thread_of_another_graph_is_refused_and_left_as_it_was(
    home: Home, command: tuple[str, ...]
) -> None:
    home.will_say(("desk_send", TO))
    labels(home, "t", {"graph_id": "theirs"})
    done = home.nexus(*command, stdin="hello\n")
    assert (done.code, "Thread t is one of the graph 'theirs'" in done.err) == (1, True)
    assert labels(home, "t") == {"graph_id": "theirs"}
    assert home.calls == []


def labels(home: Home, thread: str, new: dict[str, Any] | None = None) -> dict[str, Any]:
    """The metadata of a thread; of a new one, if it is given."""

    async def work() -> dict[str, Any]:
        database = Database(home.path / "nexus.db", SystemClock())
        try:
            threads = SqliteThreads(database)
            if new is not None:
                await threads.create(ThreadId(thread), metadata=new)
            return dict((await threads.get(thread)).metadata)
        finally:
            await database.close()

    return asyncio.run(work())

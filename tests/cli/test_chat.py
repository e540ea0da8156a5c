"""`nexus chat` in a pipe."""

from __future__ import annotations

from tests.cli.console import Home


def test_each_line_is_a_request_until_quit(home: Home) -> None:
    home.will_say(answer="First.")
    home.script([*_answer("First."), *_answer("Second.")])
    done = home.nexus("chat", stdin="What is one?\n\nWhat is two?\n/quit\nWhat is three?\n")
    assert done.code == 0
    assert done.out.index("First.") < done.out.index("Second.")


def test_an_approval_nobody_can_give_ends_the_chat_with_3(home: Home) -> None:
    home.will_say(("desk_send", {"to": "design@example.com"}))
    done = home.nexus("chat", stdin="Email design@example.com\nand another\n")
    assert done.code == 3
    assert home.calls == []
    assert f"nexus approvals approve {home.pending()}" in done.out


def _answer(text: str) -> list[dict[str, str]]:
    return [{"tool": "final_answer"}, {"answer": text}]

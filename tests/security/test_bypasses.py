"""No way around an approval: whatever a client sends along, on whichever route, the question stays one.

Each attempt is refused with 4xx, or it is harmless: nothing was done, and the approval is still pending.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.errors import APIStatusError

from nexus.wiring.graphs import load_graphs
from tests.api.serving import go_on, pause, serving, settled
from tests.api.test_decision_links import Visitor, link_to
from tests.api.test_signed_decisions import Program
from tests.api.test_slack import Member, SlackOffice
from tests.clients import graphs_of_others
from tests.security.scene import Scene
from tests.security.test_isolation import document
from tests.security.ways_around import FORKS, GO, SERVED, STEPS, TABLE, YES, first, with_yes
from tests.servers.receiver import receiving


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> SlackOffice:
    home = tmp_path_factory.mktemp("bypasses")
    file = home / "langgraph.json"
    module = Path(graphs_of_others.__file__ or "").stem
    names = ("asks", "mimics")
    file.write_text(json.dumps({"graphs": {name: f"tests.clients.{module}:{name}" for name in names}}))
    office = SlackOffice(home / "home", graphs=load_graphs(file)[1:], slack="http://127.0.0.1:9/")
    office.tools.gate.set()
    return office


@pytest.fixture(name="scene", scope="module")
def _scene(office: SlackOffice) -> Iterator[Scene]:
    with receiving() as slack, serving(office) as client:
        thread, approval = pause(client, office)
        past = client.get(f"/threads/{thread}/history", params={"limit": 100}).json()
        told = {"url": "https://hooks.example.invalid/", "may_decide": True, "events": ["approval.expired"]}
        endpoint = client.post("/webhooks/endpoints", json=told).raise_for_status().json()
        secret = link_to(office, approval["id"])
        buttons = {"approve": {"action_id": "approve", "value": secret}}
        message = {"blocks": [{"elements": list(buttons.values())}]}
        yield Scene(
            client,
            office,
            thread,
            approval,
            past,
            Program(client, endpoint, approval, thread),
            Visitor(client, office, thread, approval, secret),
            Member(client, slack, office, thread, approval, message),
        )


@pytest.mark.parametrize("name", TABLE)
def test_nothing_gets_around_an_approval(scene: Scene, name: str):
    answer = TABLE[name](scene)
    is_refused = 400 <= answer.status_code < 500 or ("/commands" in name and answer.json()["type"] == "error")
    assert is_refused or name in SERVED, answer.text
    scene.check()


SDK: dict[str, Callable[[Any, Scene], Any]] = {
    "runs.wait goto": lambda sdk, s: sdk.runs.wait(s.thread, "nexus", command={"goto": "execute"}),
    "runs.wait update": lambda sdk, s: sdk.runs.wait(s.thread, "nexus", command={"update": GO}),
    "runs.wait resume and goto": lambda sdk, s: sdk.runs.wait(s.thread, "nexus", **with_yes(goto="execute")),
    "runs.create resume and update": lambda sdk, s: sdk.runs.create(s.thread, "nexus", **with_yes(update=GO)),
    "runs.create of another digest": lambda sdk, s: sdk.runs.create(
        s.thread, "nexus", command={"resume": {"decisions": [{**YES, "digest": "sha256:0"}]}}
    ),
    "runs.stream configurable": lambda sdk, s: list(
        sdk.runs.stream(s.thread, "nexus", config={"configurable": {"checkpoint_id": first(s)}})
    ),
    "runs.create_batch": lambda sdk, s: sdk.runs.create_batch(
        [{"assistant_id": "nexus", "config": {"configurable": {"thread_id": s.thread}}}]
    ),
    "threads.update_state": lambda sdk, s: sdk.threads.update_state(s.thread, GO, as_node="approve"),
    "threads.update_state in the past": lambda sdk, s: sdk.threads.update_state(
        s.thread, GO, checkpoint=s.past[-1]["checkpoint"]
    ),
    "threads.create with a past": lambda sdk, _: sdk.threads.create(graph_id="nexus", supersteps=STEPS),
    "threads.update": lambda sdk, s: sdk.threads.update(s.thread, metadata={"graph_id": "mimics"}),
    "threads.copy": lambda sdk, s: sdk.threads.copy(s.thread),
    "assistants.create": lambda sdk, s: sdk.assistants.create(
        "nexus", config={"configurable": {"checkpoint_id": first(s)}}
    ),
}


@pytest.mark.parametrize("name", SDK)
def test_the_sdk_gets_around_no_approval(scene: Scene, name: str):
    """It is refused, and says so in the SDK's own errors."""
    with (
        get_sync_client(url=str(scene.client.base_url), api_key=None) as sdk,
        pytest.raises((APIStatusError, httpx.HTTPStatusError)) as caught,
    ):
        SDK[name](sdk, scene)
    assert 400 <= caught.value.response.status_code < 500
    scene.check()


@pytest.mark.parametrize("name", FORKS)
@pytest.mark.parametrize("place", [-1, -2, 1, 0])
def test_beginning_anew_in_the_past_acts_on_no_yes(office: SlackOffice, scene: Scene, place: int, name: str):
    """Forks are served: they ask anew, and only a yes to the question that the thread waits for acts."""
    thread, approval = pause(scene.client, office)
    past = scene.client.get(f"/threads/{thread}/history", params={"limit": 100}).json()
    forked = replace(scene, thread=thread, approval=approval, past=past[: place + 1 or None])
    office.tools.made.clear()
    office.model.script.clear()
    office.model.calls(("send", {"to": "evil@example.com"}), answer="Sent.")
    scene.client.post(f"/threads/{thread}/runs/wait", json={**go_on(), **FORKS[name](forked)})
    assert office.tools.made == []
    forked.post("/approvals/{approval_id}/decision", YES, params={"wait": "true"})
    assert [arguments for _, arguments, _ in office.tools.made] in ([], [approval["arguments"]])
    office.tools.made.clear()


HARMLESS = {
    "POST /approvals/{approval_id}/link": "connects an account; only for a question about one",
    "POST /assistants/count": "reads",
    "POST /assistants/search": "reads",
    "POST /assistants/{assistant_id}/latest": "chooses among versions, each checked when it was made",
    "POST /assistants/{assistant_id}/versions": "reads",
    "DELETE /assistants/{assistant_id}": "takes away",
    "POST /threads/{thread_id}/stream/events": "reads",
    "POST /threads/count": "reads",
    "POST /threads/search": "reads",
    "POST /threads/prune": "takes away",
    "DELETE /threads/{thread_id}": "says no to what the thread asks",
    "DELETE /threads/{thread_id}/runs/{run_id}": "takes away",
    "POST /threads/{thread_id}/runs/{run_id}/cancel": "stops",
    "POST /runs/cancel": "stops",
    "POST /users": "lets somebody in, who decides for themselves",
    "PATCH /users/{user_id}": "only for an admin; of approvals it says nothing",
    "DELETE /users/{user_id}": "takes away",
}
"""Routes that change something and can resume nothing and write no state of a thread; and why."""

ELSEWHERE = (
    "/connections",
    "/toolkits",
    "/tools",
    "/policy",
    "/store",
    "/memories",
    "/model",
    "/webhooks/endpoints",
    "/webhooks/deliveries",
    "/webhooks/composio",
)
"""What is not about threads and approvals; rules of a user's only make the operator's stricter."""


def test_every_route_that_changes_something_is_in_the_table():
    """A new one has to be thought of."""
    known = {" ".join(name.split(" ")[:2]) for name in TABLE} | set(HARMLESS)
    served = {
        f"{method.upper()} {path}"
        for path, item in document()["paths"].items()
        for method in item
        if method != "get" and not path.startswith(ELSEWHERE)
    }
    assert served - known == set()
    assert known - served == set()


def test_after_all_of_it_a_yes_still_acts_once(scene: Scene):
    """The thread was poisoned by nothing."""
    scene.office.model.script.clear()
    scene.office.model.calls(answer="Sent.")
    thread, approval = pause(scene.client, scene.office)
    with suppress(ValueError):
        scene.post(f"/approvals/{approval['id']}/decision", YES, params={"wait": "true"}).raise_for_status()
    assert settled(scene.client, thread)["answer"] == "Sent."
    assert len(scene.office.tools.made) == 1

"""One index for all users, in which each finds only what is theirs."""

from __future__ import annotations

from nexus.core.tool import ToolSpec
from nexus.testing import FixedIndex
from nexus.tools.index import HybridIndex
from nexus.tools.shared_index import SharedIndex


def tool(slug: str, description: str = "Send a mail.") -> ToolSpec:
    return ToolSpec(slug, slug.partition("_")[0], slug, description, {"type": "object"})


async def test_a_search_finds_the_users_own_tools_alone():
    shared = SharedIndex(HybridIndex(None, None))
    ana, ben = shared.of("ana"), shared.of("ben")
    await ana.update([tool("gmail_send"), tool("desk_send")])
    await ben.update([tool("outlook_send"), tool("desk_send")])
    assert {hit.slug for hit in await ana.search("send a mail")} == {"gmail_send", "desk_send"}
    assert {hit.slug for hit in await ben.search("send a mail")} == {"outlook_send", "desk_send"}
    assert await shared.of("carl").search("send a mail") == ()


async def test_however_many_better_tools_others_have_the_own_ones_are_found():
    shared = SharedIndex(FixedIndex())
    ana, ben = shared.of("ana"), shared.of("ben")
    await ben.update([tool("last_one"), tool("last_two")])
    await ana.update([tool(f"ana_{number}") for number in range(500)])
    assert [hit.slug for hit in await ben.search("mail", limit=2)] == ["last_one", "last_two"]
    assert [hit.slug for hit in await ben.search("mail", limit=1)] == ["last_one"]


async def test_the_best_of_ones_own_scores_one():
    shared = SharedIndex(HybridIndex(None, None))
    await shared.of("ana").update([tool("gmail_send", "Send a mail to a person.")])
    await shared.of("ben").update([tool("x_note", "Write a note, or send it.")])
    (hit,) = await shared.of("ben").search("send a mail to a person")
    assert (hit.slug, hit.score) == ("x_note", 1.0)


async def test_what_one_user_gives_up_others_keep():
    index = FixedIndex()
    shared = SharedIndex(index)
    for user in ("ana", "ben"):
        await shared.of(user).update([tool("gmail_send"), tool("desk_send")])
    await shared.of("ana").update([tool("desk_send")])
    assert [hit.slug for hit in await shared.of("ana").search("mail")] == ["desk_send"]
    assert len(await shared.of("ben").search("mail")) == 2
    assert sorted(index.slugs) == ["desk_send", "gmail_send"]

"""The desk cannot be talked out of its folder, nor into half a file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from nexus.errors import ArgumentsInvalid, NotFound, OutcomeUnknown, Refused, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.desk.folder import Folder

Call = Callable[..., Awaitable[ToolResult]]

HOSTILE_NAMES = (
    "..",
    ".",
    "../secret",
    "../../etc/passwd",
    "a/../../secret",
    "a/..",
    "a/./b",
    "/etc/passwd",
    "//server/share",
    "a//b",
    "a/",
    "",
    "   ",
    "/",
    "~/secret",
    "~root",
    "C:\\Windows\\x",
    "C:secret",
    "\\\\server\\share",
    "..\\secret",
    "secret\0.md",
    "sec\nret",
    "a\rb",
    "a\tb",
    "%2e%2e%2fsecret\u0000",
    "\u2024\u2024/secret",
    "\uff0e\uff0e/secret",
    "a\uff0fb",
    "a\u2215b",
    "a\u2044b",
    "a\u29f8b",
    "..\u200b/secret",
    "\u202etxt.md",
    "a\u2066b",
    "\ufeffsecret",
    "a\u00adb",
    "\ud800",
    "\ue000",
    ".hidden",
    ".ssh/id",
    "trailing.",
    "a..b",
    "con",
    "NUL",
    "aux.md",
    "Com1",
    "lpt9.txt",
    "a/con/b",
    "file:///etc/passwd",
    "a|b",
    "a*b",
    "a?b",
    "$(id)",
    "`id`",
    "a;b",
    "a<b>",
    '"a"',
    "-",
    "---",
    "!!!",
    "x" * 101,
    "x" * 5000,
    "\u0800" * 60,
    "a/b/c/d",
    "/".join(["a"] * 500),
)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A desk with one note and one mail, beside a secret."""
    (tmp_path / "secret.md").write_text("top secret")
    root = tmp_path / "desk"
    (root / "notes").mkdir(parents=True)
    (root / "notes/a.md").write_text("plain\n")
    (root / "mail/inbox").mkdir(parents=True)
    (root / "mail/inbox/mail-1.eml").write_text("Subject: hello\n\nhi\n")
    return root


@pytest.fixture(name="call")
def _call(root: Path) -> Call:
    """Calls a desk tool by its short name."""
    desk = desk_provider(root, FakeClock(), zone=UTC)

    async def call(name: str, /, **arguments: Any) -> ToolResult:
        spec = next(spec for spec in await desk.tools() if spec.slug == f"desk_{name}")
        return await desk.call(spec, arguments, key="k")

    return call


def _everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".desk.lock"
    }


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=[ascii(name)[:40] for name in HOSTILE_NAMES])
async def test_a_hostile_name_of_a_note_is_refused_by_every_tool(call: Call, root: Path, name: str):
    before = _everything(root.parent)

    for tool, more in (("read_note", {}), ("write_note", {"text": "x"}), ("add_to_note", {"text": "x"})):
        with pytest.raises(ArgumentsInvalid) as caught:
            await call(tool, name=name, **more)
        assert caught.value.field == "name"
        assert len(str(caught.value)) < 250
    with pytest.raises(ArgumentsInvalid):
        await call("delete_note", name=name)

    assert _everything(root.parent) == before


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=[ascii(name)[:40] for name in HOSTILE_NAMES])
async def test_a_hostile_id_names_nothing(call: Call, root: Path, name: str):
    before = _everything(root.parent)

    for tool, field in (
        ("read_email", "email_id"),
        ("delete_event", "event_id"),
        ("complete_task", "task_id"),
        ("delete_task", "task_id"),
    ):
        with pytest.raises((ArgumentsInvalid, NotFound)) as caught:
            await call(tool, **{field: name})
        assert len(str(caught.value)) < 300

    assert _everything(root.parent) == before


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=[ascii(name)[:40] for name in HOSTILE_NAMES])
async def test_a_contact_of_a_hostile_name_is_refused_or_a_plain_file_among_the_contacts(
    call: Call, root: Path, name: str
):
    before = _everything(root.parent)
    try:
        await call("add_contact", name=name)
    except ArgumentsInvalid as error:
        assert error.field == "name"  # noqa: PT017 - both ends are good

    new = _everything(root.parent).keys() - before.keys()
    assert all(path.startswith("desk/contacts/") and path.count("/") == 2 for path in new)


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(lambda root: (root / "notes/link.md").symlink_to(root.parent / "secret.md"), id="file"),
        pytest.param(lambda root: (root / "notes/link.md").symlink_to(root / "notes/a.md"), id="file inside"),
        pytest.param(lambda root: (root / "notes/link.md").symlink_to("/dev/zero"), id="device"),
        pytest.param(lambda root: (root / "notes/link.md").symlink_to(root.parent / "new.md"), id="dangling"),
        pytest.param(lambda root: os.mkfifo(root / "notes/link.md"), id="named pipe"),
    ],
)
async def test_a_link_or_pipe_in_place_of_a_note_is_neither_read_nor_written(
    call: Call, root: Path, plant: Callable[[Path], None]
):
    plant(root)

    assert (await call("list_notes")).text == "a"
    for tool, more in (("read_note", {}), ("add_to_note", {"text": "x"}), ("write_note", {"text": "x"})):
        with pytest.raises((NotFound, Refused, ToolFailed)):
            await call(tool, name="link", **more)

    assert (root.parent / "secret.md").read_text() == "top secret"
    assert (root / "notes/a.md").read_text() == "plain\n"
    assert not (root.parent / "new.md").exists()


async def test_a_folder_that_is_a_link_is_not_entered(call: Call, root: Path):
    (root / "notes/out").symlink_to(root.parent, target_is_directory=True)
    (root / "calendar").symlink_to(root.parent, target_is_directory=True)
    before = _everything(root.parent)

    assert (await call("list_notes")).text == "a"
    with pytest.raises(Refused, match="does not follow links"):
        await call("write_note", name="out/x", text="x")
    with pytest.raises(Refused, match="calendar is a link"):
        await call("create_event", title="x", start="2026-11-27T15:00")

    assert _everything(root.parent) == before


async def test_hidden_files_and_those_with_unprintable_names_are_not_shown(call: Call, root: Path):
    (root / "notes/.secret.md").write_text("x")
    (root / "notes/a\nforged.md").write_text("x")

    assert (await call("list_notes")).text == "a"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "a\\b", "a\0b", "./a"])
def test_the_folder_itself_refuses_every_path_that_is_not_plainly_inside(root: Path, path: str):
    folder = Folder(root)

    for act in (folder.read, folder.discard, folder.make, lambda one: folder.create(one, b"x")):
        with pytest.raises(Refused, match=r"outside of the desk"):
            act(path)


async def test_everything_the_desk_makes_is_for_its_owner_only(tmp_path: Path):
    old = os.umask(0)
    try:
        desk = desk_provider(tmp_path / "fresh", FakeClock(), zone=UTC)
        spec = next(spec for spec in await desk.tools() if spec.slug == "desk_write_note")
        await desk.call(spec, {"name": "folder/note", "text": "x"}, key="k")
        await desk.call(spec, {"name": "folder/note", "text": "y"}, key="k")
    finally:
        os.umask(old)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "fresh").rglob("*")}
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o700
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes


def test_a_new_file_never_replaces_one(root: Path):
    with pytest.raises(FileExistsError):
        Folder(root).create("notes/a.md", b"x")

    assert (root / "notes/a.md").read_text() == "plain\n"
    assert sorted(path.name for path in (root / "notes").iterdir()) == ["a.md"]


def test_a_new_file_never_replaces_one_on_a_disk_without_links(root: Path, monkeypatch: pytest.MonkeyPatch):
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileExistsError):
        Folder(root).create("notes/a.md", b"x")
    Folder(root).create("notes/b.md", b"x")

    assert (root / "notes/a.md").read_text() == "plain\n"
    assert (root / "notes/b.md").read_text() == "x"


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EIO, errno.EROFS])
async def test_a_write_that_fails_leaves_the_old_file_and_no_rest(
    call: Call, root: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
):
    def fsync(_: int) -> None:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ToolFailed, match="Add to a note failed: "):
        await call("add_to_note", name="a", text="x")
    with pytest.raises(ToolFailed, match="Send an e-mail failed: "):
        await call("send_email", to=["a@example.com"], subject="x", body="x")

    assert set(_everything(root)) == {"notes/a.md", "mail/inbox/mail-1.eml"}
    assert (root / "notes/a.md").read_text() == "plain\n"


async def test_a_change_the_disk_does_not_confirm_counts_as_unknown(
    call: Call, root: Path, monkeypatch: pytest.MonkeyPatch
):
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutcomeUnknown, match=r"a\.md was changed, but the disk does not confirm it"):
        await call("add_to_note", name="a", text="x")

    assert (root / "notes/a.md").read_text() == "plain\nx\n"


async def test_a_desk_that_cannot_be_written_says_so(call: Call, root: Path):
    (root / "tasks").write_text("a file where the folder should be")

    with pytest.raises(ToolFailed, match="Add a task failed: "):
        await call("add_task", title="x")

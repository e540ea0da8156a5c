"""Two servers that people use, of two protocols: git (Python, 2026-07-28), files (TypeScript, 2025-11-25)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from nexus.core.policy import Allow, Ask, Policy
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, ToolFailed
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider, open_mcp
from nexus.tools.schema_check import SchemaCheck

NPM_FOLDER = os.environ.get("NEXUS_TEST_NPM")
"""Where `.ci/run` has installed the npm package."""


def files_server(folder: Path) -> McpServer:
    program = Path(NPM_FOLDER or "", "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js")
    if not NPM_FOLDER or not program.exists() or shutil.which("node") is None:
        pytest.skip("node or @modelcontextprotocol/server-filesystem is not installed (NEXUS_TEST_NPM)")
    return McpServer(command="node", args=(str(program), str(folder)))


def git_server(folder: Path) -> McpServer:
    if find_spec("mcp_server_git") is None or shutil.which("git") is None:
        pytest.skip("mcp-server-git or git is not installed")
    return McpServer(command=sys.executable, args=("-m", "mcp_server_git", "--repository", str(folder)))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A git repository with one file that is not added yet."""
    folder = tmp_path / "work"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / "note.md").write_text("Buy milk.\n")
    return folder


async def opened(tmp_path: Path, server: McpServer) -> AsyncIterator[McpProvider]:
    async def configured() -> Mapping[str, McpServer]:
        return {"real": server}

    async with open_mcp(configured, tmp_path / "pins") as provider:
        yield provider


@pytest.fixture(name="git")
async def _git(tmp_path: Path, folder: Path) -> AsyncIterator[McpProvider]:
    async for provider in opened(tmp_path, git_server(folder)):
        yield provider


@pytest.fixture(name="files")
async def _files(tmp_path: Path, folder: Path) -> AsyncIterator[McpProvider]:
    async for provider in opened(tmp_path, files_server(folder)):
        yield provider


async def tools_of(provider: McpProvider) -> dict[str, ToolSpec]:
    specs = {spec.slug: spec for spec in await provider.tools()}
    assert provider.failures() == []
    check = SchemaCheck()
    assert [fault for spec in specs.values() if (fault := check.fault(spec.parameters))] == []
    return specs


async def test_git_is_read_and_written(git: McpProvider, folder: Path):
    tools = await tools_of(git)
    assert isinstance(Policy().judge(tools["real_git_status"]), Allow)
    assert isinstance(Policy().judge(tools["real_git_add"]), Ask)

    where = {"repo_path": str(folder)}
    before = await git.call(tools["real_git_status"], where, key="1")
    await git.call(tools["real_git_add"], where | {"files": ["note.md"]}, key="2")
    after = await git.call(tools["real_git_status"], where, key="3")

    assert "Untracked files" in before.text
    assert "new file:   note.md" in after.text
    with pytest.raises((ToolFailed, ArgumentsInvalid)):
        await git.call(tools["real_git_add"], where | {"files": ["no-such-file"]}, key="4")


async def test_files_are_read_and_written(files: McpProvider, folder: Path):
    tools = await tools_of(files)
    assert isinstance(Policy().judge(tools["real_read_text_file"]), Allow)
    assert isinstance(Policy().judge(tools["real_write_file"]), Ask)

    read = await files.call(tools["real_read_text_file"], {"path": str(folder / "note.md")}, key="1")
    new = {"path": str(folder / "new.md"), "content": "Ünicode\n"}
    await files.call(tools["real_write_file"], new, key="2")

    assert read.text == "Buy milk.\n"
    assert (folder / "new.md").read_text() == "Ünicode\n"
    with pytest.raises(ToolFailed, match="Access denied"):
        await files.call(tools["real_read_text_file"], {"path": "/etc/hostname"}, key="3")

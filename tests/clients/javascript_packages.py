"""The JavaScript packages of the ecosystem, where `.ci/run` has installed them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "javascript"


def scripts_with_packages(folder: Path, *packages: str) -> Path:
    """The scripts in `folder`, where Node finds the packages; without them skips with the reason."""
    npm = Path(os.environ.get("NEXUS_TEST_NPM", "")) / "node_modules"
    missing = [name for name in packages if not (npm / name).exists()]
    if missing or not shutil.which("node"):
        pytest.skip(f"node or {missing} is not installed (NEXUS_TEST_NPM)")
    for script in SCRIPTS.iterdir():
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(npm)
    return folder

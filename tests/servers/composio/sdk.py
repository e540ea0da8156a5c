"""The real `composio` SDK, pointed at a stand-in, with nothing sent anywhere else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.composio.standin import KEY


@contextmanager
def real_sdk(url: str, folder: Path, *, key: str = KEY) -> Generator[Any]:
    """A client of the stand-in at `url`, its own files in `folder`.

    `allow_tracking=False` holds in one context only, so what sends telemetry is taken out as well.
    """
    from composio import Composio  # noqa: PLC0415 - takes seconds, and only some tests need it
    from composio.core.models import base  # noqa: PLC0415 - same

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "push_event", lambda event: None)  # noqa: ARG005 - the name it is called with
        patch.setenv("COMPOSIO_CACHE_DIR", str(folder))
        sdk = Composio(
            api_key=key,
            base_url=url,
            timeout=60,
            max_retries=0,
            allow_tracking=False,
            file_download_dir=str(folder),
        )
        yield sdk
        sdk.client.close()

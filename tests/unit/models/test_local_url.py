"""Where prompts may go."""

from __future__ import annotations

import pytest

from nexus.errors import SettingsInvalid
from nexus.models.local_url import is_local_host, require_local


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "192.168.0.5", "172.16.0.1", "fe80::1%eth0",
     "fd00::1", "gpu", "gpu.local", "GPU.LOCAL.", "box.lan", "::ffff:127.0.0.1"],
)  # fmt: skip
def test_this_machine_and_its_network_are_local(host: str):
    assert is_local_host(host)


@pytest.mark.parametrize(
    "host",
    ["", "example.com", "8.8.8.8", "localhost.example.com", "127.0.0.1.nip.io", "2001:4860:4860::8888",
     "::ffff:8.8.8.8", "134744072", "0x08080808", "010.8.8.8", "1.1", "::"],
)  # fmt: skip
def test_everything_else_is_public(host: str):
    assert not is_local_host(host)


def test_a_public_server_is_refused_until_the_operator_says_so():
    with pytest.raises(SettingsInvalid) as caught:
        require_local("https://api.example.com/v1", field="NEXUS_MODEL")
    assert caught.value.field == "NEXUS_MODEL"
    assert "NEXUS_ALLOW_REMOTE_MODEL=true" in (caught.value.remedy or "")
    assert require_local("https://api.example.com/v1/", field="NEXUS_MODEL", allow_remote=True).endswith(
        "/v1"
    )


@pytest.mark.parametrize(
    "url", ["", "localhost:11434", "ftp://localhost", "http://", "http://localhost:999999", "http://["]
)
def test_what_is_no_url_is_refused(url: str):
    with pytest.raises(SettingsInvalid, match="is not a URL"):
        require_local(url, field="NEXUS_OLLAMA_URL")


def test_the_host_behind_a_user_name_is_the_one_that_counts():
    with pytest.raises(SettingsInvalid):
        require_local("http://localhost@example.com/v1", field="NEXUS_MODEL")

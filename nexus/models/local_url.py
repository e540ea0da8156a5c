"""Which model servers prompts may go to: those on this machine and in its private network."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from nexus.errors import SettingsInvalid

_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def require_local(url: str, *, field: str, allow_remote: bool = False) -> str:
    """`url` without a trailing slash, if prompts may be sent there.

    Names are not resolved: local are `localhost`, names without a dot, names under `.local` and its like, and
    addresses that are loopback, private or link-local. Whoever runs the name server for those is trusted.

    Raises:
        SettingsInvalid: It is no http(s) URL, or its host is public and `allow_remote` is not set.
    """
    parts = _split(url, field)
    if not allow_remote and not is_local_host(parts.hostname or ""):
        raise SettingsInvalid(
            f"{parts.hostname} is not on this machine or in its private network, and prompts would go there",
            field=field,
            remedy="Use a local server; or set NEXUS_ALLOW_REMOTE_MODEL=true if that is what you want.",
        )
    return url.rstrip("/")


def is_local_host(host: str) -> bool:
    """True for this machine and its private network, judged by the name or address alone."""
    name = host.rstrip(".").lower()
    try:
        address = ip_address(name.split("%", 1)[0])
    except ValueError:
        # A last label of digits or 0x… is an address in disguise (2130706433, 0x7f.1), not a name.
        if not name or name.rsplit(".", 1)[-1][:1].isdigit():
            return False
        return "." not in name or name.endswith(_LOCAL_SUFFIXES)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (address.is_private or address.is_loopback or address.is_link_local) and not address.is_unspecified


def _split(url: str, field: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        parts, port_is_fine = SplitResult("", "", "", "", ""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise SettingsInvalid(f"{url!r} is not a URL", field=field, remedy="E.g. http://127.0.0.1:11434")
    return parts

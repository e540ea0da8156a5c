"""Webhooks reach no address of this machine, its network or a cloud, however it is named or spelled."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import trustme

from nexus.errors import InvalidInput
from nexus.notify.addresses import check_url, is_refused
from nexus.notify.sender import NotDelivered, Sender, look_up
from tests.servers.receiver import Receiver, receiving
from tests.servers.tls import serving_tls

_connections: list[Any] = []
_watching: list[bool] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "socket.connect":
        _connections.append(arguments[1])


sys.addaudithook(_watch)


@pytest.fixture(name="connections")
def _counted() -> Iterator[list[Any]]:
    """Every connection this process begins during the test."""
    _connections.clear()
    _watching.append(True)
    yield _connections
    _watching.clear()


@pytest.fixture(name="receiver", scope="module")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


REFUSED = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8420/webhooks/approvals",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://ip6-localhost/",
    "https://127.0.0.1./",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:7f00:1::1]/",
    "https://[2a00:1450::5efe:7f00:1]/",
    "https://[2a00:1450::200:5efe:a00:1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://169.254.170.2/v2/credentials",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data/",
    "https://168.63.129.16/machine",
    "https://192.0.0.192/opc/v2/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "http://example.com/",
    "http://127.0.0.1/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "unix:///var/run/docker.sock",
    "//example.com/",
    "example.com/hook",
    "https://",
    "https:///hook",
    "https://user@example.com/",
    "https://user:word@127.0.0.1/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com/#part",
    "https://example.com\\@127.0.0.1/",
    "https://example.com /",
    "https://exa\tmple.com/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://127\u30020.0.1/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://[::1/",
    "https://%31%32%37.0.0.1/",
]


@pytest.mark.parametrize("url", REFUSED)
async def test_a_url_that_leads_inside_is_connected_to_by_nobody(url: str, connections: list[Any]):
    """By the machine's own resolver, as it is."""
    with pytest.raises(NotDelivered):
        await Sender().post(url, {}, b"{}")
    assert connections == []


def test_the_table_is_long_enough():
    """At least forty, each once."""
    assert len(set(REFUSED)) == len(REFUSED) >= 40


def answering(*addresses: Sequence[str]) -> Any:
    """A resolver that gives these answers, one after the other; the last one for good."""
    left = list(addresses)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "::1",
    "fd00::1",
    "fe80::1%lo",
    "::ffff:10.0.0.1",
    "junk",
]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_connected_to_by_nobody(address: str, connections: list[Any]):
    """Also if only one of its addresses does."""
    for found in ([address], ["93.184.215.14", address], [address, "93.184.215.14"]):
        with pytest.raises(NotDelivered, match="leads to"):
            await Sender(resolve=answering(found)).post("https://hooks.example.com/", {}, b"{}")
    assert connections == []


async def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(connections: list[Any]):
    """A resolver that changes its answer to an inner address gains nothing by it."""
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    free = socket.create_server(("127.0.0.2", 0))
    port = free.getsockname()[1]
    free.close()
    sender = Sender([ip_network("127.0.0.2/32")], resolve=rebinding)
    with pytest.raises(NotDelivered, match="nobody takes connections"):
        await sender.post(f"https://rebinding.example.com:{port}/", {}, b"{}")
    assert connections == [("127.0.0.2", port)]
    with pytest.raises(NotDelivered, match="leads to"):
        await sender.post(f"https://rebinding.example.com:{port}/", {}, b"{}")
    assert (connections, asked) == ([("127.0.0.2", port)], ["rebinding.example.com"] * 2)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int, receiver: Receiver, connections: list[Any]):
    """Wherever it points to: it is an answer like any other, and no success."""
    receiver.received.clear()
    receiver.answers[:] = [(status, {"Location": "http://127.0.0.1:1/inside"})]
    answer = await Sender([ip_network("127.0.0.0/8")]).post(receiver.url, {}, b"{}")
    assert (answer.status, answer.is_accepted) == (status, False)
    assert len(connections) == len(receiver.received) == 1


async def test_no_proxy_of_the_environment_gets_a_message(
    receiver: Receiver, connections: list[Any], monkeypatch: pytest.MonkeyPatch
):
    """It would do the connecting."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    receiver.answers.clear()
    assert (await Sender([ip_network("127.0.0.0/8")]).post(receiver.url, {}, b"{}")).is_accepted
    assert [str(port) for _, port in connections] == [receiver.url.rsplit(":", 1)[1]]


async def test_what_the_operator_allows_is_reached_and_no_more(receiver: Receiver, connections: list[Any]):
    """One network; without TLS, too, but nothing outside of it without TLS."""
    receiver.answers.clear()
    assert (await Sender([ip_network("127.0.0.1/32")]).post(receiver.url, {}, b"{}")).is_accepted
    connections.clear()
    for url in (receiver.url.replace("127.0.0.1", "127.0.0.2"), "http://93.184.215.14/"):
        with pytest.raises(NotDelivered):
            await Sender([ip_network("127.0.0.1/32")]).post(url, {}, b"{}")
    assert connections == []


async def test_the_certificate_is_checked_against_the_name_and_not_the_address():
    """The connection goes to the address that was looked at; Host and SNI are the name's."""
    authority = trustme.CA()
    name = "hooks.example.com"
    loopback = [ip_network("127.0.0.0/8")]
    with serving_tls(authority.issue_cert(name)) as server:
        trusting = server.trust(authority)
        sender = Sender(loopback, resolve=answering(["127.0.0.1"]), tls=trusting)
        assert (await sender.post(f"https://{name}:{server.port}/in", {"x-a": "b"}, b"{}")).is_accepted
        assert (server.names, server.hosts) == ([name], [f"{name}:{server.port}"])
        with pytest.raises(NotDelivered, match="certificate"):
            await sender.post(f"https://other.example.com:{server.port}/", {}, b"{}")
        unknown = Sender(loopback, resolve=answering(["127.0.0.1"]))
        with pytest.raises(NotDelivered, match="certificate"):
            await unknown.post(f"https://{name}:{server.port}/", {}, b"{}")


def test_public_addresses_are_not_refused():
    """The rule keeps nobody from anywhere else."""
    for address in ("93.184.215.14", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"):
        assert not is_refused(ip_address(address))


def test_a_url_is_refused_when_it_is_entered_if_that_can_be_seen():
    """The rest is seen when its name is looked up."""
    assert check_url("https://hooks.example.com:8443/a?b=c").hostname == "hooks.example.com"
    for url in (
        "https://127.0.0.1/",
        "http://hooks.example.com/",
        "https://[fe80::1]/",
        "https://a:b@c.example/",
    ):
        with pytest.raises(InvalidInput) as refused:
            check_url(url)
        assert refused.value.field == "url"


async def test_names_are_looked_up_by_the_system():
    """The resolver that is used unless a test brings another."""
    assert "127.0.0.1" in await look_up("localhost", 80)

"""Signed messages: the vectors of Standard Webhooks' own tests, and everything that is not one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from nexus.core.signature import ID, SIGNATURE, TIME, check_signed, signed
from nexus.errors import Unidentified

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BODY = '{"test": 2432232314}'


def headers(**changes: str) -> dict[str, str]:
    """A good message's headers, changed."""
    good = signed([SECRET], message="msg_p5jXN8AQM9LWM0D4loKWxJek", at=NOW, body=BODY)
    names = {"id": ID, "time": TIME, "signature": SIGNATURE}
    return good | {names[name]: value for name, value in changes.items()}


def check(given: dict[str, str], body: bytes = BODY.encode(), *, secrets: Any = (SECRET,)) -> str:
    return check_signed(secrets, given, body, now=NOW)


def test_the_published_vector_is_signed_as_it_is_published():
    """From the specification's own tests: a fixed secret, id, time and body."""
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signed([SECRET], message="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=BODY)
    assert made[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert check_signed([SECRET], made, BODY.encode(), now=at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_what_the_library_signs_is_accepted_and_what_is_signed_here_the_library_accepts():
    """Both directions, with the secret with and without its prefix."""
    now = datetime.now(UTC)
    made = {
        ID: "msg_1",
        TIME: str(int(now.timestamp())),
        SIGNATURE: Webhook(SECRET).sign("msg_1", now, BODY),
    }
    assert check_signed([SECRET.removeprefix("whsec_")], made, BODY.encode(), now=now) == "msg_1"
    assert Webhook(SECRET).verify(BODY, signed([SECRET], message="msg_2", at=now, body=BODY)) == {
        "test": 2432232314
    }


def test_any_of_several_signatures_and_secrets_will_do():
    """As while a secret is changed, and among signatures of other versions."""
    good = headers()[SIGNATURE]
    others = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    assert check(headers(signature=f"{others} {good} {others}"))
    assert check(headers(), secrets=(OTHER, SECRET))
    both = signed([OTHER, SECRET], message="msg_1", at=NOW, body=BODY)
    assert check(both, secrets=(OTHER,)) == check(both, secrets=(SECRET,)) == "msg_1"


def test_a_secret_may_be_bytes_as_they_are():
    """Composio's is taken as it is written."""
    given = signed([f"whsec_{base64.b64encode(b'as it is').decode()}"], message="msg_1", at=NOW, body=BODY)
    assert check(given, secrets=(b"as it is",)) == "msg_1"


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_clock_may_be_five_minutes_off(seconds: int):
    """In both directions."""
    at = NOW + timedelta(seconds=seconds)
    assert check(signed([SECRET], message="msg_1", at=at, body=BODY))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_no_more_than_that(seconds: int):
    """However well it is signed."""
    at = NOW + timedelta(seconds=seconds)
    with pytest.raises(Unidentified, match="too old"):
        check(signed([SECRET], message="msg_1", at=at, body=BODY))


STAMP = str(int(NOW.timestamp()))
GOOD = headers()[SIGNATURE]
FORGED: dict[str, dict[str, str]] = {
    "no id": {"id": ""},
    "another id": {"id": "msg_other"},
    "an id with a dot": {"id": "msg.1"},
    "an id with a blank": {"id": "msg 1"},
    "an id beyond ASCII": {"id": "msg_\u00fc"},
    "a long id": {"id": "m" * 201},
    "no time": {"time": ""},
    "another time": {"time": str(int(STAMP) + 1)},
    "a time with a fraction": {"time": f"{STAMP}.0"},
    "a time with a blank": {"time": f" {STAMP}"},
    "a time with a sign": {"time": f"+{STAMP}"},
    "a negative time": {"time": f"-{STAMP}"},
    "a time with zeros before it": {"time": f"0{STAMP}"},
    "not a number": {"time": "nan"},
    "infinity": {"time": "inf"},
    "an exponent": {"time": "1e9"},
    "a hexadecimal time": {"time": "0x5f5e100"},
    "other digits": {"time": "\u0661\u0662\u0663"},
    "a huge time": {"time": "9" * 12},
    "a time without end": {"time": "9" * 5000},
    "no signature": {"signature": ""},
    "only a version": {"signature": "v1,"},
    "no comma": {"signature": GOOD.replace(",", "")},
    "two commas": {"signature": GOOD.replace(",", ",,")},
    "another version": {"signature": GOOD.replace("v1", "v2")},
    "a version in capitals": {"signature": GOOD.replace("v1", "V1")},
    "cut base64": {"signature": GOOD[:-2]},
    "no base64": {"signature": "v1,!!!!"},
    "another last letter": {"signature": GOOD[:-2] + "A="},
    "letters of another case": {"signature": "v1," + GOOD[3:].swapcase()},
    "parted by a comma": {"signature": f"v1,AAAA,{GOOD}"},
    "behind a tab": {"signature": f"v1,AAAA\t{GOOD}"},
    "beyond ASCII": {"signature": "v1,\u00fc\u00fc\u00fc"},
    "after a hundred thousand others": {"signature": "v1,AAAA " * 100_000 + GOOD},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_nothing_else_is_let_in(changes: dict[str, str]):
    """And nothing of it is an error of ours."""
    with pytest.raises(Unidentified):
        check(headers(**changes))


BODIES: dict[str, bytes] = {
    "a changed letter": BODY.replace("4", "5", 1).encode(),
    "a blank more": BODY.encode() + b" ",
    "a line more": BODY.encode() + b"\n",
    "nothing": b"",
    "no text": b"\xff\xfe",
    "half a letter": BODY.encode()[:-1] + b"\xc3",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_nor_is_another_body(body: bytes):
    """By one byte."""
    with pytest.raises(Unidentified):
        check(headers(), body)


def test_nor_what_is_signed_with_another_secret():
    """Or with none at all."""
    with pytest.raises(Unidentified):
        check(headers(), secrets=(OTHER,))
    with pytest.raises(Unidentified):
        check(headers(), secrets=())

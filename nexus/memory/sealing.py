"""Memories at rest: in clear, or sealed with a key that only the operator has."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nexus.errors import SettingsInvalid, StoreUnavailable

KEY_BYTES = 32
SETTING = "NEXUS_ENCRYPTION_KEY"

_MARK = "sealed:1:"
_NONCE_BYTES = 12


class Seal(Protocol):
    """How one user's memories are written down."""

    @property
    def is_open(self) -> bool:
        """True if what is written can be read without a key."""
        ...

    def close(self, text: str, about: str) -> str:
        """What is written for `text`; it can be read back only as what belongs to `about`."""
        ...

    def open(self, written: str, about: str) -> str:
        """The text again. Raises StoreUnavailable: It was sealed with a key that is not this one."""
        ...

    def tag(self, value: str) -> str:
        """What stands for `value` where equal values have to be found: equal for equal values."""
        ...


class Unsealed:
    """In clear, as long as no key is set."""

    is_open = True

    def close(self, text: str, about: str) -> str:  # noqa: ARG002 - the protocol's
        """The text itself."""
        return text

    def open(self, written: str, about: str) -> str:  # noqa: ARG002 - the protocol's
        """The text itself."""
        if written.startswith(_MARK):
            raise StoreUnavailable("This memory is sealed.", remedy=f"Set {SETTING} to the key it had.")
        return written

    def tag(self, value: str) -> str:
        """The value itself."""
        return value


class Sealed:
    """AES-256-GCM with keys derived (HKDF) for one user from the operator's key.

    What was written before there was a key stays readable, and is sealed when it is written again.
    Vectors are not sealed, since they have to be compared: they tell roughly what a text is about.
    """

    is_open = False

    def __init__(self, key: bytes, user: str) -> None:
        self._cipher = AESGCM(_derived(key, f"nexus memory {user}"))
        self._tag_key = _derived(key, f"nexus memory tags {user}")

    def close(self, text: str, about: str) -> str:
        """The text, encrypted and bound to what it is about."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), about.encode())
        return _MARK + base64.b64encode(sealed).decode()

    def open(self, written: str, about: str) -> str:
        """The text again."""
        if not written.startswith(_MARK):
            return written
        sealed = base64.b64decode(written.removeprefix(_MARK))
        try:
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag:
            raise StoreUnavailable(
                "A memory was sealed with another key, or was changed by somebody else.",
                remedy=f"Set {SETTING} to the key that it was written with.",
            ) from None
        return opened.decode("utf-8", "surrogatepass")

    def tag(self, value: str) -> str:
        """A keyed hash; of nothing, nothing."""
        return (
            hmac.digest(self._tag_key, value.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]
            if value
            else ""
        )


def seal_for(key: str | None, user: str) -> Seal:
    """How the user's memories are written: sealed if there is a key.

    Raises:
        SettingsInvalid: The key is not 32 bytes in base64.
    """
    return Sealed(_bytes_of(key), user) if key else Unsealed()


def _bytes_of(key: str) -> bytes:
    try:
        found = base64.urlsafe_b64decode(key.replace("+", "-").replace("/", "_") + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != KEY_BYTES:
        raise SettingsInvalid(
            "it is not 32 bytes in base64",
            field=SETTING,
            remedy='Make one: python -c "import secrets; print(secrets.token_urlsafe(32))". Keep it: what it'
            " sealed is lost without it.",
        )
    return found


def _derived(key: bytes, what_for: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=what_for.encode()).derive(key)

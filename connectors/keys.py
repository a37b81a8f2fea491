"""Encrypts what is secret at rest."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_STATES = "slack oauth state"


class Keys:
    """The first key encrypts, all of them decrypt. Raises `ValueError` for no Fernet key."""

    def __init__(self, keys: Sequence[str]) -> None:
        ours = [Fernet(key) for key in keys]
        self._newest = ours[0]
        self._all = MultiFernet(ours)
        # What is signed for one use must not pass for another.
        self._states = MultiFernet([Fernet(derived(key, _STATES)) for key in keys])

    def encrypted(self, secret: str) -> str:
        """A secret as it is stored."""
        return self._newest.encrypt(secret.encode()).decode()

    def decrypted(self, stored: str) -> str | None:
        """The secret; None where no key fits."""
        return _opened(self._all, stored, None)

    def is_old(self, stored: str) -> bool:
        """Whether it takes another key than the first."""
        return _opened(MultiFernet([self._newest]), stored, None) is None

    def state(self, nonce: str) -> str:
        """A value that only this app can have made, and when it was made; fit for an address."""
        return self._states.encrypt(nonce.encode()).decode()

    def nonce_in(self, state: str, seconds: int) -> str | None:
        """What a state was made from; None where it is forged or older than so many seconds."""
        return _opened(self._states, state, seconds)


def _opened(keys: MultiFernet, sealed: str, seconds: int | None) -> str | None:
    try:
        return keys.decrypt(sealed.encode(), ttl=seconds).decode()
    except (InvalidToken, UnicodeError):
        return None


def derived(secret: str, purpose: str) -> str:
    """The Fernet key that a secret gives for one purpose, and for no other."""
    digest = hashlib.sha256(f"{purpose} {secret}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()

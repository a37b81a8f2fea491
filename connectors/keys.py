"""Encrypts secrets before they are stored, and signs short-lived values."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_STATES = "slack oauth state"


class Keys:
    """Fernet keys, the newest first: the first one encrypts, and all of them decrypt.

    So a key is replaced by putting a new one in front of it. Raises `ValueError` for an invalid
    key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        ours = [Fernet(key) for key in keys]
        self._newest = ours[0]
        self._all = MultiFernet(ours)
        # Derived keys, so that a stored secret is never accepted as a state, nor the reverse.
        self._states = MultiFernet([Fernet(derived(key, _STATES)) for key in keys])

    def encrypted(self, secret: str) -> str:
        """Encrypts a secret for storage."""
        return self._newest.encrypt(secret.encode()).decode()

    def decrypted(self, stored: str) -> str | None:
        """Decrypts a secret; None if no key fits."""
        return _opened(self._all, stored, None)

    def is_old(self, stored: str) -> bool:
        """Whether a secret is encrypted with another key than the first."""
        return _opened(MultiFernet([self._newest]), stored, None) is None

    def state(self, nonce: str) -> str:
        """A signed value for OAuth's `state` parameter: the nonce, and the time it was made."""
        return self._states.encrypt(nonce.encode()).decode()

    def nonce_in(self, state: str, seconds: int) -> str | None:
        """The nonce in a state; None if the state is forged or older than `seconds`."""
        return _opened(self._states, state, seconds)


def _opened(keys: MultiFernet, sealed: str, seconds: int | None) -> str | None:
    try:
        return keys.decrypt(sealed.encode(), ttl=seconds).decode()
    except (InvalidToken, UnicodeError):
        return None


def derived(secret: str, purpose: str) -> str:
    """A Fernet key derived from a secret for one purpose."""
    digest = hashlib.sha256(f"{purpose} {secret}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()

"""One sign-in with a company's account, as far as the login sees it; `oidc` asks the provider."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

FLOW_SECONDS = 600
"""How long a sign-in may take."""
_PLAIN = re.compile(r"[\w@.+|=-]{1,200}", re.ASCII)


class SignInFailed(Exception):
    """The provider, or what came back from it, does not let this person in."""


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """Who somebody is: their verified address, or else the provider's own id of them."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in in progress: what its browser keeps meanwhile, signed."""

    state: str
    nonce: str
    verifier: str
    until: int
    back: str

    @classmethod
    def begun(cls, back: str) -> Flow:
        """A new one, that leads back to a path."""
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        until = int(time.time()) + FLOW_SECONDS
        return cls(state, nonce, secrets.token_urlsafe(48), until, back)

    def kept(self) -> str:
        """As a cookie has it."""
        values = [self.state, self.nonce, self.verifier, self.until, self.back]
        return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, kept: str) -> Flow:
        """The flow of a cookie that was verified."""
        return cls(*json.loads(urlsafe_b64decode(kept + "=" * (-len(kept) % 4))))


def plain_id(found: str) -> str:
    """An id that can stand in lists and addresses; of one that can't, its hash."""
    if _PLAIN.fullmatch(found):
        return found
    return "id-" + hashlib.sha256(found.encode("utf-8", "replace")).hexdigest()[:40]

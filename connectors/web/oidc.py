"""Signing in with a company's account: OpenID Connect, by authorization code with PKCE.

What a provider says is believed only where its ID token is signed by one of its keys, was made for
this client, for this browser's request, and is still good.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from connectors.web.flow import Flow, OidcIdentity, SignInFailed, plain_id

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures that only the provider can make."""
_FRESH_S = 3600.0
_LEEWAY_S = 60
_DEADLINE = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """A provider, by its issuer, and this client of it. `public_url` is the page's address."""

    issuer: str
    client_id: str
    client_secret: str | None
    public_url: str

    @property
    def redirect_url(self) -> str:
        """Where the provider sends people back to: to be entered there."""
        return f"{self.public_url.rstrip('/')}/login/oidc/done"


class Oidc:
    """A client of one provider. What it says of itself is asked when it is first needed."""

    def __init__(self, options: OidcOptions) -> None:
        self.options = options
        self._found: tuple[float, dict[str, Any], KeySet] | None = None
        self._finding = asyncio.Lock()

    async def address(self, flow: Flow) -> str:
        """Where a browser signs in. Raises `SignInFailed`."""
        about, _ = await self._provider()
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self.options.redirect_url,
            "scope": "openid email profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": _challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        address = str(about["authorization_endpoint"])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    async def identity(self, flow: Flow, code: str) -> OidcIdentity:
        """Who came back with a code. Raises `SignInFailed`."""
        about, keys = await self._provider()
        options = self.options
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": options.redirect_url,
            "client_id": options.client_id,
            "code_verifier": flow.verifier,
        }
        if options.client_secret is not None:
            form["client_secret"] = options.client_secret
        told = await _json("POST", str(about["token_endpoint"]), form)
        return _identity(self._claims(told, keys, flow))

    def _claims(self, told: dict[str, Any], keys: KeySet, flow: Flow) -> dict[str, Any]:
        """The ID token's claims, once all is as it has to be."""
        options = self.options
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": options.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": options.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": flow.nonce},
        )
        try:
            claims = jwt.decode(str(told.get("id_token")), keys, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInFailed(f"the provider's ID token is not good: {error}") from error
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else options.client_id) != options.client_id:
            raise SignInFailed("the provider's ID token was made for another client")
        return claims

    async def _provider(self) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself, and its keys; looked up again every hour."""
        async with self._finding:
            if self._found is None or time.monotonic() - self._found[0] > _FRESH_S:
                about, keys = await self._discovered()
                self._found = (time.monotonic(), about, keys)
            return self._found[1], self._found[2]

    async def _discovered(self) -> tuple[dict[str, Any], KeySet]:
        issuer = self.options.issuer
        about = await _json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise SignInFailed(f"the provider calls itself {about.get('issuer')!r}, not {issuer!r}")
        missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - about.keys()
        if missing:
            raise SignInFailed(f"the provider does not say its {', '.join(sorted(missing))}")
        try:
            keys = KeySet.import_key_set(await _json("GET", str(about["jwks_uri"])))  # type: ignore[arg-type]  # checked there
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInFailed(f"the provider's keys can't be read: {error}") from error
        return about, keys


def _challenge(verifier: str) -> str:
    """The verifier's hash, which the provider gets first (RFC 7636)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _identity(claims: dict[str, Any]) -> OidcIdentity:
    email = claims.get("email") if claims.get("email_verified") is True else None
    found = str(email).lower() if email else str(claims["sub"])
    return OidcIdentity(plain_id(found), str(claims.get("name") or email or "")[:200])


async def _json(method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    try:
        async with (
            aiohttp.ClientSession(timeout=_DEADLINE) as session,
            session.request(method, url, data=form, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise SignInFailed(f"the provider answered {answer.status}")
            told = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SignInFailed(f"the provider can't be asked: {type(error).__name__}") from error
    if not isinstance(told, dict):
        raise SignInFailed("the provider said something that is no object")
    return told

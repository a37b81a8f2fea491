"""A small OpenID provider on loopback: discovery, keys, an authorization page, a token endpoint.

As strict as the specifications: exact redirect address, codes that hold once, PKCE by S256. What it
signs can be made wrong, one thing at a time.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "everytoken", "s3cret"


@dataclass
class Provider:
    """Who signs in next, and what is wrong with what is said of them."""

    redirect_url: str = ""
    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "248289761001",
            "email": "Ann@Corp.example",
            "email_verified": True,
            "name": "Ann",
        }
    )
    spoil: Callable[[dict[str, Any]], object] = lambda _claims: None
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signs_with: RSAKey | None = None
    issuer: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    async def authorize(self, request: web.Request) -> web.Response:
        """Signs whoever it is in, and sends them back."""
        query = dict(request.query)
        self.asked.append(query)
        wanted = ("openid" in query["scope"].split(), query["code_challenge_method"] == "S256")
        if not all(wanted) or query["redirect_uri"] != self.redirect_url:
            return web.Response(status=400, text="not as registered")
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        return web.Response(status=302, headers={"Location": f"{self.redirect_url}?{back}"})

    async def token(self, request: web.Request) -> web.Response:
        """Takes a code, once, from the client that can prove that it asked for it."""
        form = await request.post()
        asked = self._codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET)
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        self.spoil(claims)
        key = self.signs_with or self.key
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": signed})


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """Serves one."""
    made = Provider()

    async def about(_request: web.Request) -> web.Response:
        return web.json_response(made.about())

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [made.key.as_dict(private=False)]})

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", about)
    app.router.add_get("/keys", keys)
    app.router.add_get("/authorize", made.authorize)
    app.router.add_post("/token", made.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()

"""Requests to a service with OpenAI's API: its address, credentials, and refusals.

The openai SDK's client does the same, but importing it takes 528 modules, 13 MB, and a quarter of
a second at each start; what it adds is made of types that a stream that is read raw never uses.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2

from providers.asking import NotAsked

Secret = str | Callable[[], Awaitable[str]]
"""An API key, or a function that returns a valid token for each request."""

# What fails, by the names that the SDK has for it, which `providers.causes` knows.


class APIError(Exception):
    """A request failed. `body` is what the service said, as JSON or text, or None."""

    def __init__(self, message: str, request: httpx2.Request, *, body: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.body = body
        told = body if isinstance(body, Mapping) else {}
        code = told.get("code")
        self.code = None if code is None else str(code)
        self.param = told.get("param")
        self.type = told.get("type")


class APIStatusError(APIError):
    """The service answered with a status other than 2xx."""

    def __init__(self, response: httpx2.Response) -> None:
        """`response` is read."""
        told = _told(response)
        body = told.get("error", told) if isinstance(told, Mapping) else told
        super().__init__(f"Error code: {response.status_code}", response.request, body=body)
        self.response = response
        self.status_code = response.status_code


class APIConnectionError(APIError):
    """There was no answer; the cause says why."""


class APITimeoutError(APIConnectionError):
    """There was no connection in time."""


async def answered(http: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """The whole answer to one request, which was a success. Raises `APIError`."""
    try:
        response = await http.send(request)
    except httpx2.TimeoutException as error:
        raise APITimeoutError("Request timed out.", request) from error
    except httpx2.RequestError as error:
        raise APIConnectionError("Connection error.", request) from error
    if not response.is_success:
        raise APIStatusError(response)
    return response


def _told(response: httpx2.Response) -> Any:
    text = response.text.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# The service.


class Service:
    """One service, reached over an HTTP client, which is closed with it.

    `retries` is how often a request is sent again whose connection broke before it was answered.
    """

    def __init__(
        self, url: str, secret: Secret, http: httpx2.AsyncClient, *, retries: int = 0
    ) -> None:
        """`url` is the API's root. Raises `httpx2.InvalidURL`."""
        self._root = httpx2.URL(url)
        self._secret = secret
        self._http = http
        self._retries = retries

    async def stream(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        """Asks, and returns the answer with its body still to be read. Raises `APIError`."""
        for _ in range(self._retries):
            try:
                return await self._sent("POST", self._address(path), body)
            except APIConnectionError:
                continue
        return await self._sent("POST", self._address(path), body)

    async def json(self, path: str, body: Any = None) -> Any:
        """The JSON at a path, or at a whole address; see `providers.asking.Get`."""
        address = httpx2.URL(path) if urlsplit(path).scheme else self._address(path)
        try:
            response = await self._sent("GET" if body is None else "POST", address, body)
        except APIStatusError:
            return None
        except APIError as error:
            raise NotAsked(str(error)) from error
        try:
            await response.aread()
        except httpx2.RequestError as error:
            raise NotAsked(str(error)) from error
        return _told(response)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    def _address(self, path: str) -> httpx2.URL:
        return _below(self._root, path)

    async def _credentials(self) -> dict[str, str]:
        secret = self._secret if isinstance(self._secret, str) else await self._secret()
        return {"Authorization": f"Bearer {secret}"}

    async def _sent(self, method: str, address: httpx2.URL, body: Any) -> httpx2.Response:
        headers = {
            "Accept": "application/json",
            "User-Agent": "everytoken",
            **await self._credentials(),
        }
        request = self._http.build_request(method, address, json=body, headers=headers)
        try:
            response = await self._http.send(request, stream=True)
        except httpx2.TimeoutException as error:
            raise APITimeoutError("Request timed out.", request) from error
        except (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream) as error:
            raise APIConnectionError("Connection error.", request) from error
        if response.is_success:
            return response
        try:
            await response.aread()
        finally:
            await response.aclose()
        raise APIStatusError(response)


class AzureService(Service):
    """One deployment at Azure's endpoint with versions by date.

    A key has a header of its own there, and only Chat Completions are asked below the deployment.
    """

    def __init__(
        self,
        deployment: str,
        endpoint: str,
        secret: Secret,
        http: httpx2.AsyncClient,
        *,
        version: str,
    ) -> None:
        """`endpoint` is the resource's address. Raises `httpx2.InvalidURL`."""
        root = f"{endpoint.rstrip('/')}/openai"
        super().__init__(root, secret, http)
        self._deployed = httpx2.URL(f"{root}/deployments/{deployment}")
        self._version = version

    def _address(self, path: str) -> httpx2.URL:
        root = self._deployed if path == "/chat/completions" else self._root
        return _below(root, path).copy_set_param("api-version", self._version)

    async def _credentials(self) -> dict[str, str]:
        if isinstance(self._secret, str):
            return {"api-key": self._secret}
        return await super()._credentials()


def _below(root: httpx2.URL, path: str) -> httpx2.URL:
    """An address below another, whose query, if it has one, stays."""
    above, mark, query = root.raw_path.partition(b"?")
    return root.copy_with(raw_path=above.rstrip(b"/") + path.encode() + mark + query)

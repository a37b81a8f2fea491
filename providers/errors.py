"""One table from the failures of models, SDKs and transports to the kinds of `ProviderError`.

A failure is looked up by the service's own error code, by HTTP status, and by the names of its
classes: no SDK is imported for it, and SDKs of one family share their names. The messages are
ours, never the service's: those may quote the key or the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Malformed,
    Overloaded,
    ProviderError,
    Stalled,
    TooLong,
)
from providers.failures import chain, codes, retry_after, status
from providers.room import room_in


class Row(NamedTuple):
    """What a failure means, and what to do about it."""

    kind: type[ProviderError]
    message: str


_KEY = Row(AuthFailed, "the service refused the key: check it, and that it may use this model")
_QUOTA = Row(AuthFailed, "the account's quota is used up: check its plan and billing")
_BUSY = Row(Overloaded, "the service takes no more requests for now: try again later")
_FAULT = Row(Overloaded, "the service failed: try again later")
_REFUSED = Row(BadRequest, "the service refused the request: check the model's settings")
_UNKNOWN = Row(BadRequest, "the service has no such model: check MODEL and the service's address")
_LONG = Row(TooLong, "the conversation is too long for the model: start a new one")
_FILTER = Row(Filtered, "the service's content filter refused the question")
_UNREACHED = Row(Disconnected, "the service can't be reached: check its address and the network")
_BROKEN = Row(Disconnected, "the service broke off the answer: try again")
_LATE = Row(Stalled, "the service did not answer in time: try again later")
_IDENTITY = Row(
    AuthFailed,
    "Entra ID gave no token: check the identity (docs/providers.md), and that it may use the "
    "resource: role Cognitive Services OpenAI User",
)
_GARBAGE = Row(
    Malformed, "the service sent something that is no stream of tokens: check its address"
)
_UNREADABLE = Row(Malformed, "the service sent something unreadable: try again")

TABLE: dict[str | int, Row] = {
    # The service's own codes.
    "content_filter": _FILTER,
    "content_policy_violation": _FILTER,
    "ResponsibleAIPolicyViolation": _FILTER,
    "context_length_exceeded": _LONG,
    "exceed_context_size_error": _LONG,
    "invalid_api_key": _KEY,
    # Waiting doesn't help against an empty account: not `Overloaded`, though it comes as a 429.
    "insufficient_quota": _QUOTA,
    "model_not_found": _UNKNOWN,
    "DeploymentNotFound": _UNKNOWN,
    "rate_limit_exceeded": _BUSY,
    "overloaded_error": _BUSY,
    "rate_limit_error": _BUSY,
    "authentication_error": _KEY,
    "permission_error": _KEY,
    "billing_error": _QUOTA,
    "contract_spend_limit_reached": _QUOTA,
    "enforced_spend_limit_reached": _QUOTA,
    "timeout_error": _LATE,
    "request_too_large": _LONG,
    "API_KEY_INVALID": _KEY,
    "server_error": _FAULT,
    "insufficient_system_resource": _FAULT,
    # HTTP. An error part in mid-stream has the stream's own status in Anthropic's SDK.
    200: _FAULT,
    401: _KEY,
    402: _QUOTA,
    403: _KEY,
    404: _UNKNOWN,
    408: _LATE,
    409: _FAULT,
    413: _LONG,
    429: _BUSY,
    500: _FAULT,
    502: _UNREACHED,
    503: _BUSY,
    504: _UNREACHED,
    529: _BUSY,
    # LangChain.
    "ModelAuthenticationError": _KEY,
    "ModelPermissionDeniedError": _KEY,
    "ModelInvalidRequestError": _REFUSED,
    "ModelNotFoundError": _UNKNOWN,
    "ModelRateLimitError": _BUSY,
    "ModelAPIError": _FAULT,
    "ModelConnectionError": _BROKEN,
    "ModelTimeoutError": _LATE,
    "ModelError": _FAULT,
    "ContextOverflowError": _LONG,
    # openai, and the SDKs built like it.
    "AuthenticationError": _KEY,
    "PermissionDeniedError": _KEY,
    "OAuthError": _KEY,
    "SubjectTokenProviderError": _KEY,
    "BadRequestError": _REFUSED,
    "UnprocessableEntityError": _REFUSED,
    "NotFoundError": _UNKNOWN,
    "ConflictError": _FAULT,
    "RateLimitError": _BUSY,
    "InternalServerError": _FAULT,
    "APIStatusError": _REFUSED,
    "APITimeoutError": _LATE,
    "APIConnectionError": _BROKEN,
    "WebSocketConnectionClosedError": _BROKEN,
    "WebSocketQueueFullError": _BROKEN,
    "StreamAlreadyConsumed": _BROKEN,
    "APIResponseValidationError": _UNREADABLE,
    "APIError": _BROKEN,
    "ContentFilterFinishReasonError": _FILTER,
    "LengthFinishReasonError": _UNREADABLE,
    "InvalidWebhookSignatureError": _UNREADABLE,
    "OpenAIError": _REFUSED,
    # anthropic.
    "PaymentRequiredError": _QUOTA,
    "RequestTimeoutError": _LATE,
    "PreconditionFailedError": _REFUSED,
    "ContentTooLargeError": _LONG,
    "RequestTooLargeError": _LONG,
    "RequestHeaderFieldsTooLargeError": _REFUSED,
    "ClientClosedRequestError": _BROKEN,
    "HTTPNotImplementedError": _REFUSED,
    "ServiceUnavailableError": _BUSY,
    "GatewayTimeoutError": _UNREACHED,
    "OverloadedError": _BUSY,
    "RetryableError": _FAULT,
    "DeadlineExceededError": _LATE,
    "CredentialsError": _KEY,
    "IdentityTokenFileError": _KEY,
    "APIWebhookValidationError": _UNREADABLE,
    "AnthropicError": _REFUSED,
    # google-genai, and LangChain's package for it.
    "ServerError": _FAULT,
    "UnknownApiResponseError": _UNREADABLE,
    "ContinuationInterruptedError": _BROKEN,
    "GoogleGenerativeAIError": _REFUSED,
    "GoogleAuthError": _KEY,
    # azure-identity and what it stands on.
    "ClientAuthenticationError": _IDENTITY,
    "AzureError": _IDENTITY,
    # The transport.
    "ConnectError": _UNREACHED,
    "ConnectTimeout": _UNREACHED,
    "ProxyError": _UNREACHED,
    "UnsupportedProtocol": _UNREACHED,
    "InvalidURL": _UNREACHED,
    "TooManyRedirects": _UNREACHED,
    "TimeoutException": _LATE,
    "DecodingError": _UNREADABLE,
    "ServerTimeoutError": _LATE,
    "ClientConnectorError": _UNREACHED,
    "ClientConnectionError": _BROKEN,
    "ClientPayloadError": _BROKEN,
    "ClientError": _BROKEN,  # aiohttp's; Google's of that name has a status
    "HTTPError": _BROKEN,
    "StreamError": _BROKEN,
    "EndOfStream": _BROKEN,
    "TimeoutError": _LATE,
    "OSError": _BROKEN,
    "JSONDecodeError": _UNREADABLE,
    "ValueError": _GARBAGE,
}
"""Error codes, statuses and class names; a class stands for its subclasses."""

_DECISIVE = frozenset({"ContextOverflowError", "ConnectTimeout", "ConnectError", "ProxyError"})
"""Classes that say more than the ones that wrap or mix them in."""

_TOO_LONG = re.compile(
    "context(_| )length|context window|context size|prompt is too long|input tokens exceed"
    "|maximum number of tokens allowed",
    re.I,
)
"""How services without a code of their own for it say that a conversation is too long."""

_IDENTIFIER = re.compile(r"[A-Za-z_][\w.\[\]-]{0,63}")


def translate(error: Exception) -> ProviderError:
    """The `ProviderError` for a failure; raise it `from` the failure."""
    row = next((TABLE[key] for key in _keys(error) if key in TABLE), None)
    if row is None:
        return Malformed(f"{_UNREADABLE.message} ({type(error).__name__})")
    if row.kind is Overloaded:
        return Overloaded(row.message, retry_after(error))
    if row.kind is TooLong:
        return TooLong(row.message, room_in(str(error)))
    return row.kind(row.message + _detail(error, row))


def by_code(code: str) -> ProviderError:
    """The `ProviderError` for a failure of which the service only gives its code."""
    row = TABLE.get(code, _BROKEN)
    return row.kind(row.message)


def _keys(error: Exception) -> Iterator[str | int]:
    """What to look up, the most telling first."""
    http = status(error)
    if http == 400 and _TOO_LONG.search(str(error)):
        yield "ContextOverflowError"
    for link in chain(error):
        yield from codes(link)
    yield from (name for name in _chain_names(error) if name in _DECISIVE)
    if http is not None:
        yield http
        yield "BadRequestError" if http < 500 else "InternalServerError"
    yield from _names(error)


def _names(error: BaseException) -> Iterator[str]:
    return (kind.__name__ for kind in type(error).__mro__)


def _chain_names(error: BaseException) -> Iterator[str]:
    return (name for link in chain(error) for name in _names(link))


def _detail(error: Exception, row: Row) -> str:
    """Which parameter a refused request is about: names only, never the service's prose."""
    if row is not _REFUSED:
        return ""
    names = (getattr(error, attribute, None) for attribute in ("code", "param"))
    told = [name for name in names if isinstance(name, str) and _IDENTIFIER.fullmatch(name)]
    return f" ({', '.join(told)})" if told else ""

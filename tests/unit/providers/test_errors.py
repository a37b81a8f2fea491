"""Every failure that can come up has its row in the one table."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from email.utils import formatdate
from time import time
from typing import Any

import aiohttp
import httpx2
import pytest

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
from providers.errors import NAMES, translate
from tests.doubles.late import Late

anthropic = Late("anthropic")
azure_identity = Late("azure.identity")
google_auth = Late("google.auth.exceptions")
langchain_anthropic = Late("langchain_anthropic.chat_models")
langchain_google = Late("langchain_google_genai.chat_models")
langchain_openai = Late("langchain_openai.chat_models.base")
openai = Late("openai")
azure_core = Late("azure.core.exceptions")
google_errors = Late("google.genai.errors")
langchain_core = Late("langchain_core.exceptions")

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1")

OUR_OWN_MISTAKES = {"HTTPStatusError", "CookieConflict"}
"""What the openai SDK keeps to itself, or nobody uses."""


def _below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)


def _exceptions(late: Any) -> set[type[BaseException]]:
    module = late.module if isinstance(late, Late) else late
    found = (getattr(module, name) for name in dir(module))
    return {kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)}


def test_the_table_lacks_no_exception_of_openais() -> None:
    """A new version that gains one fails here."""
    public = {kind for kind in _exceptions(openai) if kind.__module__.startswith("openai")}
    assert {kind.__name__ for kind in public if not kind.__name__.startswith("_")} <= NAMES.keys()
    assert len(public) > 15


FAMILIES = {
    # Known by the status or the family that they stand for; their own codes say no more.
    "anthropic": {
        "CMEKContextUnavailableError",
        "CMEKKeyDisabledError",
        "CMEKKeyNetworkBlockedError",
        "CMEKKeyUnreachableError",
        "ClaudeCodeKeyCreatorNotMemberError",
        "ClaudeCodeVersionTooOldError",
        "ContractSpendLimitReachedError",
        "EnforcedSpendLimitReachedError",
        "LinkedOrganizationBillingUnavailableError",
        "LinkedOrganizationSpendLimitReachedError",
        "OrganizationOnHoldError",
        "OrganizationTypeNotSupportedError",
        "ParentOrganizationRequiredError",
        "RampLimitExceededError",
        "RequestBodyEncodingInvalidError",
        "RequestBodyEncodingUnsupportedError",
        "RequestBodyTooLargeAfterDecodingError",
        "SandboxEgressRestrictedError",
        "WorkloadIdentityError",
    },
    # Of tools that call Python functions, which the bot has none of.
    "google": {
        "FunctionInvocationError",
        "UnknownFunctionCallArgumentError",
        "UnsupportedFunctionError",
        "ExperimentalWarning",
    },
}
"""Classes without a row of their own; a new one fails the test until somebody has looked at it."""


@pytest.mark.parametrize(
    ("module", "home", "family", "least"),
    [
        (anthropic, "anthropic", "anthropic", 40),
        (google_errors, "google.genai", "google", 6),
    ],
)
def test_the_table_lacks_no_exception_of_the_extras(
    module: Late, home: str, family: str, least: int
) -> None:
    """A new version that gains one fails here."""
    public = {kind for kind in _exceptions(module) if kind.__module__.startswith(home)}
    lacking = {kind.__name__ for kind in public} - NAMES.keys()
    assert lacking == FAMILIES[family]
    assert len(public) >= least


@pytest.mark.parametrize(
    "module", [langchain_anthropic, langchain_google, azure_core, azure_identity, google_auth]
)
def test_what_wraps_an_extras_failure_belongs_to_a_family_of_the_table(module: Late) -> None:
    """LangChain's packages mix two families, Azure's and Google's sign-in have one each."""
    own = module.module.__name__.split(".")[0]
    kinds = {kind for kind in _exceptions(module) if kind.__module__.startswith(own)}
    assert len(kinds) >= 2
    for kind in kinds:
        assert {parent.__name__ for parent in kind.__mro__} & NAMES.keys(), kind


def test_the_table_lacks_no_model_error_of_langchains() -> None:
    """They are what other LangChain models raise."""
    errors: set[type[BaseException]] = {langchain_core.ModelError}
    errors.update(_below(langchain_core.ModelError))
    core = {kind.__name__ for kind in errors if kind.__module__ == langchain_core.module.__name__}
    assert core <= NAMES.keys()
    assert len(core) >= 10


def test_langchains_errors_for_openai_mean_what_both_parents_mean() -> None:
    """They are known by the classes they mix."""
    mixed = [
        kind
        for kind in _exceptions(langchain_openai)
        if kind.__module__ == langchain_openai.module.__name__ and issubclass(kind, openai.APIError)
    ]
    assert len(mixed) >= 9
    for kind in mixed:
        assert any(parent.__name__ in NAMES for parent in kind.__mro__)


def test_the_table_lacks_no_transport_error() -> None:
    """Each is known by its own name or by the family it belongs to."""
    for kind in _exceptions(httpx2):
        names = {parent.__name__ for parent in kind.__mro__}
        assert names & NAMES.keys() or kind.__name__ in OUR_OWN_MISTAKES, kind


def _status(status: int, code: object = None, **headers: str) -> Any:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, request=REQUEST, headers=told)
    body = {"code": code, "param": "model", "message": "about sk-secret"}
    return openai.APIStatusError("about sk-secret", response=response, body=body)


def _said(kind: str) -> Callable[[], Any]:
    return lambda: openai.APIError("x", REQUEST, body={"type": kind})


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: openai.APIConnectionError(request=REQUEST), Disconnected),
        (lambda: openai.APITimeoutError(request=REQUEST), Stalled),
        (lambda: openai.APIError("broke off", REQUEST, body=None), Disconnected),
        (lambda: openai.APIError("x", REQUEST, body={"code": 500}), Overloaded),
        (lambda: openai.APIError("x", REQUEST, body={"code": "429"}), Overloaded),
        (_said("insufficient_quota"), AuthFailed),
        (
            lambda: openai.APIError("x", REQUEST, body={"type": "exceed_context_size_error"}),
            TooLong,
        ),
        (lambda: _status(400, None), BadRequest),
        (lambda: _status(418, None), BadRequest),
        (lambda: _status(408, None), Stalled),
        (lambda: _status(402, None), AuthFailed),
        (lambda: _status(409, None), Overloaded),
        (lambda: _status(504, None), Disconnected),
        (lambda: _status(529, None), Overloaded),
        (lambda: _status(599, None), Overloaded),
        (
            lambda: Late("langchain_openai").StreamChunkTimeoutError(
                1.0, model_name="m", chunks_received=0
            ),
            Stalled,
        ),
        (lambda: langchain_core.ModelAuthenticationError(), AuthFailed),
        (lambda: langchain_core.ModelNotFoundError(), BadRequest),
        (lambda: langchain_core.ContextOverflowError(), TooLong),
        (lambda: httpx2.ReadError("x"), Disconnected),
        (lambda: httpx2.RemoteProtocolError("x"), Disconnected),
        (lambda: httpx2.ReadTimeout("x"), Stalled),
        (lambda: httpx2.ConnectTimeout("x"), Disconnected),
        (lambda: httpx2.DecodingError("x"), Malformed),
        (lambda: ssl.SSLError("x"), Disconnected),
        (lambda: aiohttp.ClientPayloadError("x"), Disconnected),
        (lambda: aiohttp.ServerTimeoutError("x"), Stalled),
        (lambda: azure_identity.CredentialUnavailableError("about sk-secret"), AuthFailed),
        (lambda: azure_core.ServiceRequestError("about sk-secret"), AuthFailed),
        (
            lambda: google_errors.ClientError(418, {"error": {"message": "about sk-secret"}}),
            BadRequest,
        ),
        (lambda: google_errors.ServerError(599, {}), Overloaded),
        (lambda: ConnectionResetError(), Disconnected),
        (lambda: TimeoutError(), Stalled),
        (lambda: asyncio.IncompleteReadError(b"", 1), Malformed),
        (lambda: json.JSONDecodeError("x", "{", 1), Malformed),
        (lambda: ValueError("No generation chunks were returned"), Malformed),
        (lambda: KeyError("delta"), Malformed),
    ],
)
def test_a_failure_is_named_for_what_it_means(
    make: Callable[[], Exception], kind: type[ProviderError]
) -> None:
    """And the message says what to do, without the service's own words."""
    translated = translate(make())
    assert type(translated) is kind
    assert "sk-secret" not in str(translated) + translated.said
    assert translated.named


def test_azures_inner_code_tells_a_filtered_question() -> None:
    """The outer one does not always."""
    body = {"code": "bad", "innererror": {"code": "ResponsibleAIPolicyViolation"}}
    response = httpx2.Response(400, request=REQUEST)
    error = openai.BadRequestError("x", response=response, body=body)
    assert isinstance(translate(error), Filtered)


def test_a_connection_that_was_never_made_is_no_stall() -> None:
    """The SDK calls it a time-out; its cause knows better."""
    error = openai.APITimeoutError(request=REQUEST)
    error.__cause__ = httpx2.ConnectTimeout("x")
    assert isinstance(translate(error), Disconnected)


def test_a_refused_parameter_is_named() -> None:
    """Names only: whoever set it knows what to do."""
    assert str(translate(_status(400, "unknown_parameter"))) == "option unsupported (model)"
    assert str(translate(_status(400, "other"))) == "request refused (other, model)"
    assert "Hello" not in str(translate(_status(400, "Hello, sk-secret")))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "-1"}, 0.0),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    """In seconds, or None where the service doesn't say."""
    error = translate(_status(429, None, **headers))
    assert isinstance(error, Overloaded)
    assert error.retry_after == seconds


def test_the_wait_may_be_a_date() -> None:
    """HTTP allows both."""
    error = translate(_status(503, None, retry_after=formatdate(time() + 60, usegmt=True)))
    assert isinstance(error, Overloaded)
    assert error.retry_after == pytest.approx(60, abs=2)

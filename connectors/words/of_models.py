"""The sentences about a model that failed, for the operator: what happened, and what cures it."""

from __future__ import annotations

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
    "cure.socks_package": "run `{install:socks}`; or set HTTPS_PROXY to an HTTP proxy, or name "
    "the service's host in NO_PROXY",
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
    "cure.package_missing": "run `{install}`: the extra {extra} has {package}",
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
    "cure.model_file_missing": "set LOCAL_MODEL_PATH to a GGUF file, or unset it: "
    "then `{everytoken} doctor` fetches the embedded model",
    "cause.model_file_damaged": "the model file {path} is damaged, or no GGUF file",
    "cure.model_file_damaged": "set LOCAL_MODEL_PATH to a GGUF file, or unset it: "
    "then `{everytoken} doctor` fetches the embedded model",
    "cause.model_file_no_chat": "the model file {path} can't be loaded: is it a chat model?",
    "cure.model_file_no_chat": "set LOCAL_MODEL_PATH to another GGUF file, or unset it: "
    "then `{everytoken} doctor` fetches the embedded model",
    "cause.local_missing": "the embedded model is not installed",
    "cure.local_missing": "run `{install:local}`, or choose another MODEL",
    "cause.local_library_missing": "the embedded model needs a system library that is missing",
    "cure.local_library_missing": "install it (on Debian: apt install libgomp1)",
    "cause.value_held": "the request would still have held something that must not leave, so it "
    "was not sent",
    "cure.value_held": "see docs/masking.md: what is masked, and what can't be",
    "cause.mask_slow": "the pattern {pattern} of MASK_PATTERNS took too long for a text, so the "
    "request was not sent",
    "cure.mask_slow": "write the pattern so that no part of it can match in many ways",
    "cause.masks_away": "what the request has to be masked with can't be read ({reason}), so it "
    "was not sent",
    "cure.masks_away": "check DATABASE_URL, and that ENCRYPTION_KEYS or SECRET_KEY still has the "
    "key that was used",
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
    "cause.no_http": "what {host} answered is no proper HTTP",
    "cure.no_http": "check host and port in {address}, and whether it needs https:// or http://; "
    "if they are right, something on the way spoils what the service says",
    "cause.redirected": "{host} redirects to {to}, where neither key nor question is sent",
    "cure.redirected": "if that is the API's address, write it in {address}; it mostly ends in /v1",
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
    "cause.tools_refused": "the service takes no tools with {model}",
    "cure.tools_refused": "choose a model that can call tools, or offer none; a server of your own "
    "may need telling (vLLM: --enable-auto-tool-choice and --tool-call-parser, llama.cpp: --jinja)",
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
    "cause.call_missing": "the service said that the model calls a tool, and sent no call",
    "cure.call_missing": "try again; if it stays so, the server can't read what this model writes: "
    "look for its setting for tool calls",
    "cause.no_stream": "what the service sent is no stream of tokens",
    "cure.no_stream": "check {address}: it has to be the API's, mostly ending in /v1",
    "cause.unreadable": "the service sent something unreadable",
    "cure.unreadable": "try again; if it goes on, try STREAM_READER=langchain, and please report "
    "it",
}
"""The operator's sentences for each cause of `providers.causes`."""

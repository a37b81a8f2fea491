"""What an answer is made with: the models that the settings name, their prices and tools, a run's
limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

import structlog

from bot.app import demonstration
from bot.app.lifecycle import closed, now_us, unhurried
from bot.app.masking import SettingsMasker
from bot.attachments import (
    DocumentReader,
    FileLimits,
    LocalTranscriber,
    ServiceTranscriber,
    Transcriber,
    shipped_model,
)
from bot.attachments.out import AnswerFileLimits
from bot.runs import BlockedWords, Caps, Maker, Played, Price, RequestOptions, RunOptions
from bot.scopes import (
    FileScopes,
    Offered,
    Persona,
    Scopes,
    WrongValue,
    as_written,
    known_scope,
    parsed,
)
from bot.settings import Settings, SettingsError, revealed
from bot.store import Store
from bot.tools import IMAGES, Caller, OnEnd, Servers, Toolbox, ToolOptions, load_servers
from connectors.base import Scope
from providers.base import Provider, Traceable, Unusable, Usage
from providers.clients import OPENAI_URL
from providers.failover import ChainProvider, RetryPolicy
from providers.model_file import where
from providers.options import EXTRAS, needed
from providers.prices import ModelPrice, Prices
from providers.registry import PROVIDERS, SERVICES, ProviderEntry
from providers.thinking import slowness

log = structlog.get_logger(__name__)


def make_provider(settings: Settings) -> Provider:
    """The models that the settings name, as one."""
    models = [traced(make_model(each), settings) for each in each_alone(settings)]
    return ChainProvider(models, _patience(settings))


def _patience(settings: Settings) -> RetryPolicy:
    goes_on = settings.broken_answers == "continue"
    return RetryPolicy(seconds=settings.first_token_seconds, goes_on=goes_on)


def traced(model: Provider, settings: Settings) -> Provider:
    """The model, which LangSmith traces if the settings want that."""
    if settings.trace_langchain and isinstance(model, Traceable):
        model.traced = True
    return model


class OfferedModels:
    """The models of MODELS by their short names, alone and in chains; all are made at once."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ProviderError` where one can't be made."""
        self._patience = _patience(settings)
        self._models = {
            name: traced(make_model(settings.model_copy(update={"model": model})), settings)
            for name, model in settings.models.items()
        }
        self._chains: dict[tuple[str, ...], Provider] = {}

    def chain(self, names: Sequence[str]) -> Provider:
        """See `bot.runs.Models`."""
        key = tuple(names)
        if key not in self._chains:
            self._chains[key] = ChainProvider([self._models[name] for name in key], self._patience)
        return self._chains[key]

    async def aclose(self) -> None:
        """Closes every model."""
        if self._models:
            await ChainProvider(list(self._models.values())).aclose()


def each_alone(settings: Settings) -> list[Settings]:
    """The settings as they would be with each of the models alone."""
    return [settings.model_copy(update={"model": model}) for model in settings.chain]


def each_offered(settings: Settings) -> list[Settings]:
    """The same for the models of MODELS that are none of MODEL's."""
    more = dict.fromkeys(settings.models.values())
    return [
        settings.model_copy(update={"model": model})
        for model in more
        if model not in settings.chain
    ]


def make_model(settings: Settings) -> Provider:
    """The first model that the settings name. Imports only what that model needs."""
    known: dict[str, Any] = {
        "stall_seconds": settings.stall_seconds,
        "first_seconds": settings.first_token_seconds * slowness(settings.model_name),
        "sees": settings.model_sees_images,
        "options": settings.options_of(settings.chain[0]),
    }
    if settings.context_tokens is not None:
        known["room"] = settings.context_tokens
    entry = PROVIDERS[settings.provider]
    make = _maker(entry, settings)
    provider: Provider = make(settings.model_name, **_reached(entry, settings), **known)
    return provider


def _maker(entry: ProviderEntry, settings: Settings) -> Callable[..., Provider]:
    """The function that makes a provider; its module is imported now."""
    langchain = settings.stream_reader == "langchain" and entry.make_langchain
    module, _, name = (entry.make_langchain if langchain else entry.make).partition(":")
    if entry.extra:
        found = needed(module, entry.extra, f"MODEL={settings.model}")
    else:
        found = import_module(module)
    make: Callable[..., Provider] = found.__dict__[name]
    return make


def _reached(entry: ProviderEntry, settings: Settings) -> dict[str, Any]:
    """What it is reached by: address and key, and what its dialect needs besides."""
    known = _of_dialect(entry, settings)
    if entry.dialect == "azure":
        return known
    if entry.key:
        known["api_key"] = revealed(getattr(settings, entry.key)) or ""
    if entry.base_url:
        known["base_url"] = settings.url_of(settings.provider)
    elif entry.address and (url := getattr(settings, entry.address)) is not None:
        known["base_url"] = url
    return known


def _of_dialect(entry: ProviderEntry, settings: Settings) -> dict[str, Any]:
    match entry.dialect:
        case "openai":
            return {"api": settings.openai_api, "store": settings.openai_store}
        case "compatible":
            return {
                "begins_thinking": settings.model_begins_thinking,
                "service": settings.provider,
                "usage": entry.usage,
            }
        case "local":
            reader = settings.stream_reader
            return {"path": where(settings.local_model_path), "langchain": reader == "langchain"}
        case "azure":
            return _azure(settings)
        case _:
            return {}


def _azure(settings: Settings) -> dict[str, Any]:
    known: dict[str, Any] = {
        "endpoint": settings.azure_openai_endpoint or "",
        "secret": revealed(settings.azure_openai_api_key),
        "api_version": settings.openai_api_version,
        "api": settings.openai_api,
        "store": settings.openai_store,
    }
    if settings.azure_openai_auth == "entra":
        secret = _entra(settings)
        known |= {"secret": secret, "close": secret.aclose}
    return known


def _entra(settings: Settings) -> Any:
    """What gives the tokens of an identity of Entra ID."""
    module = needed("providers.entra", "azure", "AZURE_OPENAI_AUTH=entra")
    return module.EntraTokens(
        tenant_id=settings.azure_tenant_id,
        client_id=settings.azure_client_id,
        client_secret=revealed(settings.azure_client_secret),
    )


def make_prices(settings: Settings) -> Prices:
    """What the models' tokens cost, as the settings say, or by the list of prices."""
    every = None
    if settings.price_input_per_mtok is not None and settings.price_output_per_mtok is not None:
        every = ModelPrice(
            input=settings.price_input_per_mtok,
            output=settings.price_output_per_mtok,
            cached_input=settings.price_cached_input_per_mtok,
        )
    own = {
        model: ModelPrice(input=price.input, output=price.output, cached_input=price.cached_input)
        for model, price in (settings.prices or {}).items()
    }
    url = settings.openai_base_url
    urls = {name: settings.url_of(name) for name in SERVICES}
    if url is not None:
        urls |= {"openai": url, "compatible": url}
    return Prices(own=own, every=every, urls=urls)


def load_prices(settings: Settings) -> Prices:
    """What tokens cost, with the list of prices read now, and not at the first answer's end.

    Tells the operator where a limit of money can't hold, since a price is not known.
    """
    prices = make_prices(settings)
    for model in dict.fromkeys((*settings.chain, *settings.models.values())):
        unknown = prices.cost(model, "", Usage(1, 1)) is None
        if unknown and settings.limits_money:
            log.warning("limits.no_price", model=model, cure="set PRICES or PRICE_INPUT_PER_MTOK")
    return prices


def run_options(settings: Settings, price: Price) -> RunOptions:
    """What the settings say about answers; `price` says what tokens cost."""
    caps = Caps(tokens=settings.run_tokens, microusd=microusd(settings.run_usd), price=price)
    request = RequestOptions(
        system_prompt=settings.system_prompt,
        history_messages=settings.history_messages,
        max_answer_tokens=settings.max_answer_tokens,
        files=DocumentReader(_file_limits(settings)),
        caps=caps,
        blocked=BlockedWords(settings.block_words),
        transcriber=make_transcriber(settings),
    )
    return RunOptions(
        request=request,
        run_seconds=settings.run_seconds,
        delivery_seconds=settings.delivery_seconds,
        log_text=settings.log_text,
        price=price,
        reasoning=settings.reasoning,
        log_tokens=settings.log_tokens,
        files=AnswerFileLimits(
            settings.files_per_answer, settings.answer_file_bytes, settings.block_file_messages
        ),
    )


def _file_limits(settings: Settings) -> FileLimits:
    most = FileLimits()
    return FileLimits(
        files=settings.files_per_question,
        image_bytes=settings.max_file_bytes,
        pdf_bytes=settings.max_file_bytes,
        text_bytes=min(most.text_bytes, settings.max_file_bytes),
    )


def make_transcriber(settings: Settings) -> Transcriber | None:
    """What hears recordings. Raises `Unusable` where the extra that it needs is missing."""
    seconds = settings.voice_seconds
    if not settings.voice:
        return None
    if settings.voice == "local":
        if (folder := shipped_model()) is None:
            known = {"by": "VOICE=local", "package": EXTRAS["voice"], "extra": "voice"}
            raise Unusable(cause="package_missing", params=known)
        return LocalTranscriber(folder, seconds)
    url, secret, model = _service_of(settings, settings.voice)
    service = import_module("providers.transcription").TranscriptionService(url, secret, model)
    return ServiceTranscriber(service, seconds)


def _service_of(settings: Settings, named: str) -> tuple[str, str, str]:
    """Address and key of the service of a model that is set as `provider:model`, and the model."""
    name, _, model = named.partition(":")
    reached = _reached(PROVIDERS[name], settings)
    return reached.get("base_url") or OPENAI_URL, reached.get("api_key") or "", model


def microusd(usd: Decimal | None) -> int | None:
    """An amount of money in millionths of a dollar."""
    return None if usd is None else int(usd * 1_000_000)


# All of it together.


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers are made with; whatever of it is open is closed by `aclose`."""

    options: RunOptions
    provider: Provider
    models: OfferedModels
    caller: Caller
    """What makes an approved tool call; no server is started before it is needed."""
    toolbox: Toolbox | None
    scopes: Scopes
    played: Played | None = None
    """The model of the demonstration, where there is one."""
    masker: SettingsMasker | None = None

    @property
    def maker(self) -> Maker:
        """What says with what of it an answer in a place is made."""
        return Maker(self.scopes, self.models, now_us, self.played, self.masker)

    async def aclose(self, patience_s: Callable[[], float] = unhurried) -> None:
        """Closes models and servers, each within so many seconds."""
        for part in (self.caller, self.models, self.provider):
            await closed(part.aclose, patience_s)


def make_answering(settings: Settings, store: Store, on_end: OnEnd | None = None) -> Answering:
    """Raises `SettingsError` and `ProviderError` where it can't be made."""
    options = run_options(settings, load_prices(settings).cost)
    servers = demonstration.notes_server() if settings.bare else make_servers(settings)
    caller, toolbox = make_tools(settings, store, on_end, servers)
    return Answering(
        options=options,
        provider=make_provider(settings),
        models=OfferedModels(settings),
        caller=caller,
        toolbox=toolbox,
        scopes=make_scopes(settings, store, None if settings.bare else toolbox),
        played=demonstration.played if settings.bare else None,
        masker=SettingsMasker(settings, store, caller.servers),
    )


# The tools that models are offered.


def make_servers(settings: Settings) -> Servers:
    """The servers of tools; raises `SettingsError` where their file can't be used."""
    path = settings.mcp_config
    configs = {} if path is None else load_servers(path)
    if not settings.image_model:
        return Servers(configs)
    from bot.tools.images import ImageConnection, images_server
    from providers.images import ImageService

    if IMAGES in configs:
        raise SettingsError(
            f"{path}: IMAGE_MODEL needs the name {IMAGES}: give that server another"
        )
    service = ImageService(*_service_of(settings, settings.image_model))
    own = {IMAGES: ImageConnection(settings.image_model, service)}
    return Servers(configs | {IMAGES: images_server()}, own=own)


def make_scopes(settings: Settings, store: Store, toolbox: Toolbox | None = None) -> Scopes:
    """What is set for channels and the like; `toolbox` has the servers that can be chosen."""
    servers = make_servers(settings).names if toolbox is None else toolbox.servers.names
    offered = Offered(tuple(settings.models), tuple(servers))
    of_file = scopes_of_file(settings, offered)
    return Scopes(store.scopes, offered, of_file, file_only=settings.places == "file")


def scopes_of_file(settings: Settings, offered: Offered) -> FileScopes:
    """What the file sets for scopes; raises `SettingsError` with a line for each fault."""
    told = {} if settings.file is None else settings.file.scopes
    known: dict[str, Persona] = {}
    found, faults = dict[Scope, dict[str, Any]](), list[str]()
    ordered = sorted(told.items(), key=lambda one: "prompt" not in one[1])  # to name them later
    for scope, values in ordered:
        try:
            written = {name: as_written(value) for name, value in values.items()}
            parsed_values = parsed(written, offered, known)
            found[known_scope(scope)] = parsed_values
            if "persona" in parsed_values:
                persona = Persona(**parsed_values["persona"])
                known[persona.name] = persona
        except WrongValue as error:
            faults.append(f'{settings.file and settings.file.path}: [scopes."{scope}"] {error}')
    if faults:
        raise SettingsError("\n".join(faults))
    return found


def make_tools(
    settings: Settings,
    store: Store,
    on_end: OnEnd | None = None,
    servers: Servers | None = None,
) -> tuple[Caller, Toolbox | None]:
    """What makes calls, and what runs call tools with: None where there are no servers.

    `servers` are by default those of the settings.
    """
    servers = servers or make_servers(settings)
    caller = Caller(store.calls, servers, on_end)
    options = ToolOptions(
        rounds=settings.tool_rounds,
        detail=settings.tool_detail,
        off=not settings.tools,
        approval_seconds=settings.approval_seconds,
    )
    toolbox = Toolbox(caller, servers, store.calls, store.rules, options)
    return caller, toolbox if servers.names else None

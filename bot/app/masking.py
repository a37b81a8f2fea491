"""Masking as the settings want it: each run's placeholders, and the sealed map of them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.runs import Making, MaskTally, Question
from bot.settings import Settings, SettingsError
from bot.store import SqlDatabase, Store, StoreUnavailable
from bot.tools import IMAGES, Servers, Toolbox
from connectors.base import Unavailable
from providers.base import Provider, Several
from providers.errors import failure

if TYPE_CHECKING:
    from connectors.keys import Keys
    from providers.masking import Finders, Masking, Masks

log = structlog.get_logger(__name__)

GetKeys = Callable[[], Awaitable["Keys"]]


def sealing_keys(settings: Settings, store: Store, purpose: str) -> GetKeys:
    """What gives the keys that seal what is kept for this purpose: the operator's, or what is
    derived from those that sign. They raise `Unavailable`.

    Who seals nothing needs no cryptography, which is 13 MB.
    """

    async def keys() -> Keys:
        if "connectors.keys" not in sys.modules:
            await asyncio.to_thread(import_module, "connectors.keys")
        from connectors.keys import Keys, derived

        if settings.encryption_keys:
            return Keys(settings.encryption_keys)
        if not settings.secret_key and not isinstance(store.database, SqlDatabase):
            raise TypeError("without SECRET_KEY the keys are in the database")
        secrets: Sequence[str] = settings.secret_key
        if not secrets and isinstance(store.database, SqlDatabase):
            from connectors.web.signing import SigningKeys

            secrets = await SigningKeys(store.database.engine).all()
        return Keys([derived(secret, purpose) for secret in secrets])

    return keys


class SettingsMasker:
    """Masks what MASK and its kin name, and what is set for a place besides."""

    def __init__(self, settings: Settings, store: Store, servers: Servers) -> None:
        """Raises `SettingsError` where MASK_TOOLS names no server."""
        self._kinds = settings.mask
        self._patterns = settings.mask_patterns
        self._regions = settings.mask_regions
        self._store = store
        self._keys = sealing_keys(settings, store, "masks")
        self._finders: dict[tuple[str, ...], Finders] = {}
        if unknown := sorted(set(settings.mask_tools) - set(servers.names)):
            there = ", ".join(servers.names) or "none"
            raise SettingsError(
                f"MASK_TOOLS has {unknown[0]}, which is no server: there is {there}"
            )
        own = {IMAGES} & set(servers.names)  # it is a model's service, too
        self._tools = frozenset(own.union(settings.mask_tools))

    def masked(self, making: Making, run_id: UUID, question: Question) -> Making:
        """See `bot.runs.Masker`."""
        kinds = tuple(dict.fromkeys((*self._kinds, *making.mask)))
        if not kinds and not self._patterns:
            return making
        run = RunMasks(self._for(kinds), self._store, self._keys, run_id, question)
        return replace(
            making,
            provider=_masked(making.provider, run.masking),
            toolbox=self._with(making.toolbox, run.masking),
            masks=run,
        )

    def _for(self, kinds: tuple[str, ...]) -> Finders:
        from providers.masking import Finders

        if kinds not in self._finders:
            self._finders[kinds] = Finders(kinds, self._patterns, self._regions)
        return self._finders[kinds]

    def _with(self, toolbox: Toolbox | None, masking: Masking) -> Toolbox | None:
        if toolbox is None or not self._tools:
            return toolbox
        return replace(toolbox, masked=self._tools, mask=masking.arguments)


def _masked(provider: Provider, masking: Masking) -> Provider:
    """Each model of a chain for itself: so what one goes on with was looked through, too."""
    from providers.masking import MaskedProvider

    if isinstance(provider, Several):
        return provider.each(lambda model: MaskedProvider(model, masking))
    return MaskedProvider(provider, masking)


class RunMasks:
    """The masks of one run, and their sealed map in the store."""

    def __init__(
        self, finders: Finders, store: Store, keys: GetKeys, run_id: UUID, question: Question
    ) -> None:
        from providers.masking import Masking

        self.masking = Masking(self._open, self._keep)
        self._finders = finders
        self._store = store
        self._get_keys = keys
        self._run_id = run_id
        self._question = question

    def tally(self) -> MaskTally:
        """See `bot.runs.MaskedRun`."""
        masking = self.masking
        kinds = {} if masking.masks is None else masking.masks.counts
        total = sum(kinds.values())
        return MaskTally(total, kinds, masking.requests, masking.chars, masking.sha256)

    async def _open(self) -> Masks:
        from providers.masking import Masks

        parent = self._question.parent
        if parent is None or self._question.kind not in ("continue", "decided"):
            return Masks(self._finders)
        known = await self._of_run(parent.run_id)
        return Masks(self._finders, known.get("nonce", ""), known.get("values"))

    async def _of_run(self, run_id: UUID) -> dict[str, Any]:
        """What stood for what in an earlier run, with which this one goes on."""
        try:
            sealed = await self._store.masks.read(run_id)
        except StoreUnavailable as error:
            raise failure("masks_away", {"reason": str(error)}) from error
        if sealed is None:
            return {}
        opened = (await self._keys()).decrypted(sealed)
        if opened is not None:
            known: dict[str, Any] = json.loads(opened)
            return known
        if self._question.kind == "decided":  # what the model said then has its placeholders
            raise failure("masks_away", {"reason": "it was sealed with another key"})
        log.warning("masks.other_key", run_id=str(run_id))
        return {}

    async def _keep(self, masks: Masks) -> None:
        told = json.dumps({"nonce": masks.nonce, "values": masks.values})
        self._store.masks.keep(self._run_id, (await self._keys()).encrypted(told))

    async def _keys(self) -> Keys:
        try:
            return await self._get_keys()
        except Unavailable as error:
            raise failure("masks_away", {"reason": str(error)}) from error

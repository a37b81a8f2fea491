"""What holds in a place: each setting by the narrowest scope that has it, and which that is."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from bot.identity import Account
from bot.scopes.values import (
    SETTINGS,
    Offered,
    Persona,
    WrongValue,
    known_setting,
    parsed,
    shown,
    stored_as,
)
from bot.store import (
    ChangedMeanwhile,
    ScopeChange,
    ScopeStore,
    Seen,
    SetValue,
    StoreUnavailable,
)
from bot.words import Sentence, typed
from connectors.base import (
    EVERYTHING,
    Connector,
    ConnectorError,
    HasLineage,
    Place,
    Scope,
    lineage_of,
)

log = structlog.get_logger(__name__)

PAUSED = "paused"
"""What a pause is stored as: no setting, since every scope that has it counts."""
_LINEAGE_S = 2.0
_REMEMBERED = 2_000
"""The places whose values are remembered for a time without the database."""

FileScopes = Mapping[Scope, Mapping[str, Any]]
"""What a file sets, by scope and setting: values as they are stored."""


CHOSEN = Scope("chosen")
"""Where a value is from that who asks chose for this answer."""


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value and where it comes from: a scope, by the file or else by a change of this number."""

    value: Any
    scope: Scope
    change: int | None = None

    @property
    def source(self) -> str:
        """Where it comes from, in a few characters."""
        if self.scope == CHOSEN:
            return CHOSEN.connector
        return str(self.scope) if self.change is not None else f"{self.scope} (file)"


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds in a place by what is set, by setting; what isn't there is as for everybody.

    `gone` has models that are set and not offered any more, each with its scope.
    """

    lineage: Sequence[Scope] = ()
    values: Mapping[str, FoundValue] = field(default_factory=dict)
    gone: Sequence[tuple[str, Scope]] = ()
    paused: Scope | None = None
    """The scope for which an admin has paused the bot: it begins no answer there."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a setting; the default where none is set."""
        found = self.values.get(name)
        return default if found is None else found.value

    @property
    def persona(self) -> Persona | None:
        """The persona that is set."""
        value = self.get("persona")
        return None if value is None else Persona(**value)

    def record(self) -> dict[str, Any]:
        """What a run stores: by setting, its value (of a persona, name and version) and source."""
        return {name: self._recorded(name, found) for name, found in self.values.items()} | (
            {"gone": [{"model": model, "from": str(scope)} for model, scope in self.gone]}
            if self.gone
            else {}
        )

    def _recorded(self, name: str, found: FoundValue) -> dict[str, Any]:
        said: dict[str, Any] = {"value": found.value, "from": found.source}
        if name == "persona":
            persona = Persona(**found.value)
            said |= {"value": persona.name, "version": persona.version}
        return said if found.change is None else said | {"change": found.change}


async def lineage(connector: Connector | None, place: Place) -> Sequence[Scope]:
    """The scopes that a place is in, the narrowest first; without a category if it takes long."""
    if isinstance(connector, HasLineage):
        try:
            async with asyncio.timeout(_LINEAGE_S):
                return await connector.lineage(place)
        except (ConnectorError, TimeoutError) as error:
            log.warning("scope.no_category", error=str(error) or "time-out")
    return lineage_of(place)


async def lineage_for(connector: Connector | None, scope: Scope) -> Sequence[Scope]:
    """A scope and those that it is in, the narrowest first."""
    if scope.channel:
        place = Place(scope.connector, scope.workspace, scope.channel, scope.thread)
        return await lineage(connector, place)
    workspace = Scope(scope.connector, scope.workspace)
    return list(dict.fromkeys((scope, workspace, EVERYTHING))) if scope.connector else [EVERYTHING]


class Scopes:
    """Looks up and changes what is set. `of_file` is what the file sets; with `file_only` nothing
    else counts, and nothing can be changed.
    """

    def __init__(
        self,
        store: ScopeStore,
        offered: Offered,
        of_file: FileScopes | None = None,
        *,
        file_only: bool = False,
    ) -> None:
        self.offered = offered
        self._store = store
        self._of_file = of_file or {}
        self._file_only = file_only
        self._known: dict[Place, Sequence[SetValue]] = {}
        self._told: set[tuple[str, Scope]] = set()

    async def holding(self, place: Place, connector: Connector | None = None) -> Holding:
        """What holds in a place now; without the database, what was last known to hold there."""
        scopes = await lineage(connector, place)
        return self._resolved(scopes, await self._set_for(place, scopes))

    async def holding_for(self, scopes: Sequence[Scope]) -> Holding:
        """What holds in the narrowest of these scopes. Raises `StoreUnavailable`."""
        return self._resolved(scopes, await self._read(scopes))

    async def change(
        self,
        scope: Scope,
        written: Mapping[str, str | None],
        by: Account | str,
        seen: Seen = None,
    ) -> list[ScopeChange]:
        """Sets what was written, or unsets (None); the changes that this made.

        `seen` is what whoever decided saw.
        Raises `WrongValue`, also where somebody changed it since, and `StoreUnavailable`.
        """
        if self._file_only:
            raise WrongValue(Sentence("scope.from_file"))
        new = {name: text for name, text in written.items() if text is not None}
        values: dict[str, Any] = {
            stored_as(known_setting(name)): None for name, text in written.items() if text is None
        }
        values |= parsed(new, self.offered, await self.personas(scope) if "persona" in new else {})
        try:
            return await self._store.change(scope, values, by, seen)
        except ChangedMeanwhile as error:
            change = error.changes[0]
            raise WrongValue(_meanwhile(change), change.name, error.changes) from error

    async def changes(self, numbers: Collection[int]) -> list[ScopeChange]:
        """The changes of these numbers. Raises `StoreUnavailable`."""
        return await self._store.numbered(numbers)

    @property
    def changeable(self) -> bool:
        """Whether anything can be changed otherwise than in the file."""
        return not self._file_only

    async def pause(self, scope: Scope, by: Account | str) -> bool:
        """Begins no more answers in a scope, whatever else is set; false where it was paused."""
        return bool(await self._store.change(scope, {PAUSED: True}, by))

    async def resume(self, scope: Scope, by: Account | str) -> bool:
        """The opposite; false where nothing was paused for this scope itself."""
        return bool(await self._store.change(scope, {PAUSED: None}, by))

    async def everything(self) -> list[tuple[str, FoundValue]]:
        """All that is set anywhere, also by the file. Raises `StoreUnavailable`."""
        stored = [
            one
            for one in await self._store.everything()
            if not self._file_only or one.name == PAUSED
        ]
        filed = [
            (name, FoundValue(value, scope))
            for scope, values in self._of_file.items()
            for name, value in values.items()
        ]
        return filed + [(one.name, FoundValue(one.value, one.scope, one.change)) for one in stored]

    async def personas(self, scope: Scope | None = None) -> dict[str, Persona]:
        """Every persona that is set somewhere, by name; of several, that of `scope`."""
        found = [Persona(**v["persona"]) for v in self._of_file.values() if "persona" in v]
        stored = [] if self._file_only else await self._store.everything()
        ordered = sorted(stored, key=lambda one: (one.scope == scope, one.change))
        found += [Persona(**one.value) for one in ordered if one.name == "persona"]
        return {persona.name: persona for persona in found}

    async def log(self, scopes: Sequence[Scope] = (), limit: int = 50) -> list[ScopeChange]:
        """The newest changes, newest first. Raises `StoreUnavailable`."""
        return await self._store.log(scopes, limit)

    async def _set_for(self, place: Place, scopes: Sequence[Scope]) -> Sequence[SetValue]:
        try:
            found = await self._read(scopes)
        except StoreUnavailable as error:
            log.error("scope.not_read", error=str(error), known=place in self._known)
            return self._known.get(place, ())
        self._known.pop(place, None)
        self._known[place] = found
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return found

    async def _read(self, scopes: Sequence[Scope]) -> Sequence[SetValue]:
        found = await self._store.holding(scopes)
        return [one for one in found if not self._file_only or one.name == PAUSED]

    def _resolved(self, scopes: Sequence[Scope], stored: Sequence[SetValue]) -> Holding:
        by_scope: dict[Scope, dict[str, FoundValue]] = {}
        for one in stored:
            by_scope.setdefault(one.scope, {})[one.name] = FoundValue(
                one.value, one.scope, one.change
            )
        values: dict[str, FoundValue] = {}
        gone: list[tuple[str, Scope]] = []
        for scope in scopes:
            filed = {n: FoundValue(v, scope) for n, v in self._of_file.get(scope, {}).items()}
            for name, found in (filed | by_scope.get(scope, {})).items():
                if name in values or name not in SETTINGS:
                    continue
                kept = self._still_offered(found, gone) if name == "model" else found
                if kept is not None:
                    values[name] = kept
        paused = next((s for s in reversed(scopes) if PAUSED in by_scope.get(s, ())), None)
        return Holding(scopes, values, gone, paused)

    def _still_offered(self, found: FoundValue, gone: list[tuple[str, Scope]]) -> FoundValue | None:
        """A chain of models without those that went away; None where none is left."""
        left = [model for model in found.value if model in self.offered.models]
        for model in found.value:
            if model not in left:
                gone.append((model, found.scope))
                self._tell_gone(model, found.scope)
        return FoundValue(left, found.scope, found.change) if left else None

    def _tell_gone(self, model: str, scope: Scope) -> None:
        if (model, scope) not in self._told:
            self._told.add((model, scope))
            cure = f"offer it again in MODELS, or: {typed(f'places set {scope} model=…')}"
            log.error("scope.model_gone", model=model, scope=str(scope), cure=cure)


def lines(holding: Holding) -> Iterator[tuple[str, str, str]]:
    """Each setting that is set, in the order of the table: its name, value and source."""
    for name in SETTINGS:
        if (found := holding.values.get(name)) is not None:
            yield name, shown(name, found.value), found.source


def made_lines(record: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """What a run was made with, as it is stored: each setting, its value and its source."""
    for name in SETTINGS:
        if (said := (record or {}).get(name)) is None:
            continue
        version = f" ({said['version']})" if said.get("version") else ""
        value = said["value"] if name == "persona" else shown(name, said["value"])
        yield name, f"{value}{version}", said["from"]
    for one in (record or {}).get("gone", ()):
        yield "gone", one["model"], one["from"]


def _meanwhile(change: ScopeChange) -> Sentence:
    value = shown(change.name, change.after)
    who = change.by or Sentence("scope.somebody")
    return Sentence("scope.meanwhile", {"name": change.name, "who": who, "value": value})

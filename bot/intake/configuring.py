"""What people look at and those who may change of a place in chat: settings, pause and resume."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.identity import Account
from bot.intake import notices
from bot.intake.admission import Admission
from bot.intake.notices import Notices
from bot.intake.queue import IntakeOptions, Tasks
from bot.scopes import (
    Scopes,
    WrongValue,
    changed_in_form,
    lineage,
    lines,
    settings_form,
    shown,
)
from bot.store import ScopeChange, Seen
from bot.words import Sentence
from connectors.base import Configured, Connector, Incoming, MessageRef, Scope

log = structlog.get_logger(__name__)

_MARKS = re.compile(r"[\s`*_~<>|\[\]\\]+")
_MOST_SHOWN = 200
_MOST_VIEWS = 1_000


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the person alone is told, and the line for all who read there, if there is one.

    `at` is the setting that a refusal is about; empty where it is none, or nothing was refused.
    """

    told: Sentence
    line: Sentence | None = None
    refused: bool = False
    at: str = ""


class Configuring:
    """Does what people want with a place's settings, or says why not.

    Whoever looked and then writes a change is refused where somebody else has changed the same
    since. This process remembers who looked; a form says itself what it showed.
    """

    def __init__(self, gate: Admission, said: Notices, tasks: Tasks) -> None:
        self._gate = gate
        self._notices = said
        self._tasks = tasks
        self._views: dict[tuple[Account, Scope], int] = {}
        """The newest change that somebody was told of, when they looked."""

    async def take(
        self, event: Configured, incoming: Incoming, connector: Connector, options: IntakeOptions
    ) -> None:
        """Raises `StoreUnavailable`."""
        done = await self._done(event, incoming, connector)
        if done is None:
            return
        if done.refused and (event.seen is not None or event.wanted == "form"):
            incoming.at = done.at
            incoming.decline(await self._notices.worded(done.told, event))
            return
        self._tasks.spawn(tell(self._notices, connector, event, done, options))

    async def _done(
        self, event: Configured, incoming: Incoming, connector: Connector
    ) -> Configuration | None:
        """What is said of it; None where the person gets a form."""
        place, person = event.message.place, event.person
        if (scopes := self._gate.scopes) is None:
            return Configuration(Sentence("settings.none"), refused=True)
        found = await lineage(connector, place)
        scope = next((each for each in found if each.kind == event.where), None)
        if event.wanted == "show":
            return await self._shown(scopes, found, Account.of(place, person))
        if scope is None:
            return Configuration(Sentence("settings.no_such_place"), refused=True)
        if not self._gate.may_configure(place, person, event.manages, scope):
            log.info("intake.not_an_admin", person=str(Account.of(place, person)))
            return Configuration(notices.NOT_AN_ADMIN, refused=True)
        if event.wanted == "set":
            return await self._set(scopes, scope, event)
        if event.wanted != "form":
            return await _paused(scopes, scope, event)
        if not scopes.changeable:
            return Configuration(Sentence("scope.from_file"), refused=True)
        own = await scopes.holding_for([scope])
        wider = await scopes.holding_for(found[found.index(scope) + 1 :])
        incoming.form = settings_form(scope, event.where, own, wider, scopes.offered)
        return None

    async def _shown(
        self, scopes: Scopes, found: Sequence[Scope], account: Account
    ) -> Configuration:
        newest = await scopes.log(found, 1)  # before what is told: what comes between was not seen
        holding = await scopes.holding_for(found)
        for scope in found:
            self._saw(account, scope, newest[0].id if newest else 0)
        told = [f"- {name}: {_code(value)} ({source})" for name, value, source in lines(holding)]
        if holding.paused is not None:
            told.append(f"- paused ({holding.paused})")
        if not told:
            return Configuration(Sentence("settings.none"))
        return Configuration(Sentence("settings.holds", {"lines": "\n".join(told)}))

    async def _set(self, scopes: Scopes, scope: Scope, event: Configured) -> Configuration:
        by = Account.of(event.message.place, event.person)
        written: Mapping[str, str | None] = event.written
        looked: Seen = event.seen
        try:
            if event.seen is not None:
                before = await scopes.changes(event.seen.values())
                written = changed_in_form(written, before, scopes.offered)
            else:
                looked = self._views.get((by, scope))
            changes = await scopes.change(scope, written, by, looked)
        except WrongValue as error:
            if error.changes and isinstance(looked, int):
                self._saw(by, scope, max(each.id for each in error.changes))
            told = Sentence("settings.refused", {"why": error.said})
            return Configuration(told, refused=True, at=error.name)
        if not changes:
            return Configuration(Sentence("settings.unchanged"))
        log.info("place.changed", scope=str(scope), by=str(by), names=[c.name for c in changes])
        said = ", ".join(map(_changed, changes))
        values = {"who": _who(event), "changes": said}
        line = Sentence("settings.line", values)
        told = Sentence("settings.changed", {"scope": str(scope), "changes": said})
        return Configuration(told, line)

    def _saw(self, account: Account, scope: Scope, newest: int) -> None:
        """Somebody was told of a scope, with all that was changed up to a change."""
        self._views.pop((account, scope), None)
        self._views[account, scope] = newest
        if len(self._views) > _MOST_VIEWS:
            del self._views[next(iter(self._views))]


async def _paused(scopes: Scopes, scope: Scope, event: Configured) -> Configuration:
    by, pauses = Account.of(event.message.place, event.person), event.wanted == "pause"
    done = await (scopes.pause if pauses else scopes.resume)(scope, by)
    log.warning("place.paused" if pauses else "place.resumed", scope=str(scope), by=str(by))
    told = Sentence("settings.paused" if pauses else "settings.resumed")
    said = "settings.line_paused" if pauses else "settings.line_resumed"
    return Configuration(told, Sentence(said, {"who": _who(event)}) if done else None)


async def tell(
    by: Notices,
    connector: Connector,
    event: Configured,
    said: Configuration,
    options: IntakeOptions,
) -> None:
    """Tells the person, and then, if the operator wants that, all who read there."""
    await by.say(connector, event.message, said.told, event.person)
    if said.line is not None and options.tell_changes:
        about = event.message
        place = about.place
        if event.where != "thread":
            place = replace(place, thread="")
        await by.say(connector, MessageRef(place, about.id), said.line, apart=True)


def _changed(change: ScopeChange) -> str:
    before, after = (_code(shown(change.name, value)) for value in (change.before, change.after))
    return f"{change.name}: {before} → {after}"


def _who(event: Configured) -> str:
    return _plain(event.person.name or event.person.id)


def _code(value: str) -> str:
    return f"`{_plain(value)}`"


def _plain(text: str) -> str:
    """A name or a value without what could be markup."""
    return _MARKS.sub(" ", text).strip()[:_MOST_SHOWN] or "-"

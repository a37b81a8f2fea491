"""The loop of a run with tools: the model is asked, its calls are made, and it is asked again with
their results, until it answers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from uuid import UUID

import structlog

from bot.identity import Account
from bot.store import (
    AskedCall,
    CallBinding,
    CallKey,
    CallRow,
    CallStore,
    RuleScope,
    RuleStore,
    StoreUnavailable,
    ToolRule,
)
from bot.tools.caller import Caller, KeepFiles, MadeCall
from bot.tools.config import ServerConfig
from bot.tools.policy import ToolInfo, Wanted, arguments_of, binding_of, decide, hash_of_arguments
from bot.tools.results import as_data, made_file
from bot.tools.saved import SavedLoop
from bot.tools.servers import Servers
from bot.tools.tally import CallTally, tally
from bot.words import Sentence, english
from connectors.base import Place
from providers.base import Generation, Request, Tool, ToolCall, Turn

log = structlog.get_logger(__name__)

ToolDetail = Literal["quiet", "names", "arguments"]
"""What readers see of each call: nothing, a line with its name, or its arguments besides."""

_MOST_NAME = 64
"""Characters that every service takes in a tool's name."""
_MOST_SHOWN = 120
"""Characters of a call's arguments that readers see."""
_ODD = re.compile(r"[^A-Za-z0-9_-]")


Mask = Callable[[str], Awaitable[str]]
"""Makes arguments as they may leave. Raises `ProviderError`."""


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """What the operator decided about tools. `rounds`: how often a run may call some."""

    rounds: int = 8
    detail: ToolDetail = "names"
    off: bool = False
    approval_seconds: float = 3600.0
    """How long a call waits for somebody to allow it."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What the runs of a process share to call tools."""

    caller: Caller
    servers: Servers
    calls: CallStore
    rules: RuleStore
    options: ToolOptions
    only: frozenset[str] | None = None
    """The servers whose tools are offered; None: all."""
    masked: frozenset[str] = frozenset()
    """The servers that are given arguments as `mask` makes them, without what must not leave."""
    mask: Mask | None = None

    async def offered(self) -> dict[str, ToolInfo]:
        """The tools that a model is offered, by the names that it is told.

        A server that can't be used in time offers none.
        """
        if await self.off():
            return {}
        names = [n for n in self.servers.names if self.only is None or n in self.only]
        lists = await asyncio.gather(*(self.servers.offered(name) for name in names))
        offered: dict[str, ToolInfo] = {}
        for tool in (tool for tools in lists for tool in tools):
            offered[_free(_name(tool), offered)] = tool
        return offered

    async def off(self) -> bool:
        """Whether no tool may be called now; also where nobody can tell."""
        try:
            return self.options.off or await self.calls.off()
        except StoreUnavailable as error:
            log.warning("tool.state_unknown", error=str(error))
            return True


Ask = Callable[[Request], Awaitable[None]]
"""Asks the model once."""
Note = Callable[[Sentence], Awaitable[None]]
"""Shows a line of the bot's own where the answer has got to."""


@dataclass(frozen=True, slots=True)
class Waits:
    """A call that nobody has allowed yet, and why it needs somebody to."""

    asked: AskedCall
    reason: Sentence
    remember: bool
    """Whether a rule may be made of the approval."""


class ToolLoop:
    """The calls of one run; `durable` returns once the run's own row is written, `keep` is given
    what they make for the reader.

    Raises what `ask` raises.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        run_id: UUID,
        generation: Generation,
        *,
        where: Place,
        asker: Account,
        ask: Ask,
        note: Note,
        durable: Callable[[], Awaitable[None]],
        keep: KeepFiles | None = None,
    ) -> None:
        self.waits: Waits | None = None
        """What the loop stopped for: it goes on in another run, once a person has decided."""
        self._toolbox = toolbox
        self._run_id = run_id
        self._generation = generation
        self._where = where
        self._asker = asker
        self._ask = ask
        self._note = note
        self._durable = durable
        self._keep = keep
        self.given: dict[CallKey, str] = {}
        """The results that the model was given, by call."""
        self._tools: Mapping[str, ToolInfo] = {}
        self._runs: tuple[UUID, ...] = (run_id,)
        self._epoch: int | None = None
        self._owned = False
        self._first = self._made = 0
        """The number of the first call of this process's, and of the next one."""
        self._cut = True
        """Whether the loop ended, or was ended, before the model had answered."""

    async def offers(self) -> tuple[Tool, ...]:
        """The tools that may be in the request."""
        self._tools = await self._toolbox.offered()
        return tuple(_offer(self._tools))

    async def answer(self, request: Request) -> None:
        """Asks until the model answers, or has called tools in as many rounds as it may.

        Of what the loop `offers`, the tools that are in the request can be called.

        Then `Generation.finish_reason` still is `tools`, and its last calls were not made; so it
        is where the loop `waits`.
        """
        self._tools = {tool.name: self._tools[tool.name] for tool in request.tools}
        await self._go_on(request, self._toolbox.options.rounds)
        self._cut = False

    async def resume(self, saved: SavedLoop, decided: CallKey) -> None:
        """Goes on with a loop that waited, once a person has decided about its call.

        Of what the loop `offers`, the model is offered the tools that are in the saved request.
        """
        self._runs = (*saved.runs, self._run_id)
        call = saved.turn.calls[len(saved.results)]
        results = [*saved.results, await self._told(call, lambda: self._as_decided(decided))]
        request = await self._with_results(saved.request, saved.turn, results, saved.rounds)
        if request is not None:
            self._tools = {tool.name: self._tools[tool.name] for tool in saved.request.tools}
            await self._go_on(request, saved.rounds)
        self._cut = False

    async def tallied(self) -> CallTally | None:
        """The calls as they are recorded; None where there are none, or where that is not known."""
        try:
            rows = await self._toolbox.calls.of_run(self._run_id, sent=True)
        except StoreUnavailable as error:
            log.warning("tool.not_counted", error=str(error))
            return None
        return (
            tally(self._run_id, rows, self.given, first=self._first, cut=self._cut)
            if rows
            else None
        )

    async def _go_on(self, request: Request, rounds: int) -> None:
        for left in range(rounds - 1, -1, -1):
            await self._ask(replace(request, tools=tuple(_offer(self._tools))))
            if self._generation.finish_reason != "tools":
                return
            following = await self._with_results(request, self._generation.turn, [], left)
            if following is None:
                return
            request = following
            self._generation.go_on()
        await self._ask(replace(request, tools=tuple(_offer(self._tools))))

    async def _with_results(
        self, request: Request, turn: Turn, results: list[Turn], rounds: int
    ) -> Request | None:
        """The next request, with the results of all calls; None where one waits for a person."""
        for call in turn.calls[len(results) :]:
            saved = SavedLoop(request, turn, tuple(results), rounds, self._runs)
            result = await self._told(call, partial(self._called, call, saved))
            if self.waits is not None:
                return None
            results.append(result)
        if turn.text.strip() and self._toolbox.options.detail == "quiet":
            await self._note(Sentence("tool.quiet"))  # what is said next begins a paragraph
        return replace(request, turns=(*request.turns, turn, *results))

    async def _told(self, call: ToolCall, making: Callable[[], Awaitable[MadeCall]]) -> Turn:
        """Makes one call, and says what became of it: to the model, and to the reader."""
        tool = self._tools.get(call.name)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            await self._own()
            began = clock()
            made = await making()
        except StoreUnavailable as error:
            known = "" if tool is None else tool.name
            log.error("tool.not_recorded", error=str(error), tool=known)
            made = MadeCall("refused", reason=Sentence("tool.not_recorded"))
            began = clock()
        if made.state != "waiting" and (line := self._line(call, tool, made, clock() - began)):
            await self._note(line)
        for file in made.files:
            await self._note(made_file(file))
        return _turn(call, tool, made)

    async def _called(self, call: ToolCall, saved: SavedLoop) -> MadeCall:
        """Takes a call through the record, as far as it goes. Raises `StoreUnavailable`."""
        tool = self._tools.get(call.name)
        call = await self._as_sent(call, tool)
        key = CallKey(self._run_id, self._made)
        self._made += 1
        calls = self._toolbox.calls
        row = await calls.ask(key, self._asked(call, tool))
        decision = decide(await self._wanted(call, tool))
        if decision.state == "refused":
            await calls.refuse(key, decision.reason)
            self._toolbox.caller.tell(row.asked, self._run_id, "refused")
            return MadeCall("refused", reason=decision.reason)
        if decision.state == "waiting":
            return await self._wait(row, decision.reason, saved)
        if not await calls.allow(key, decision.reason, decision.rule_id):
            return MadeCall("withdrawn", reason=Sentence("tool.ended"))
        return await self._make(row)

    async def _as_sent(self, call: ToolCall, tool: ToolInfo | None) -> ToolCall:
        """The call as its server is to see it: what is asked, approved, sent and recorded."""
        mask = self._toolbox.mask
        if mask is None or tool is None or tool.server not in self._toolbox.masked:
            return call
        return replace(call, arguments=await mask(call.arguments))

    async def _wait(self, row: CallRow, reason: Sentence, saved: SavedLoop) -> MadeCall:
        """The loop stops here, kept with the call, until a person has decided."""
        config = self._toolbox.servers.config(row.asked.server)
        remember = config is not None and row.asked.tool in config.remember
        loop = replace(saved, remember=remember).to_json()
        seconds = self._toolbox.options.approval_seconds
        if not await self._toolbox.calls.wait(row.key, reason, seconds, loop):
            return MadeCall("withdrawn", reason=Sentence("tool.ended"))
        self.waits = Waits(row.asked, reason, remember)
        return MadeCall("waiting", reason=reason)

    async def _as_decided(self, key: CallKey) -> MadeCall:
        """Makes the call that another run asked for, where a person has allowed it."""
        row = await self._toolbox.calls.get(key)
        if row is None:
            return MadeCall("withdrawn", reason=Sentence("tool.ended"))
        if row.state == "approved":
            return await self._make(row)
        if row.state == "denied":
            self._toolbox.caller.tell(row.asked, self._run_id, row.state)
        denied = Sentence("tool.denied") if row.state == "denied" else None
        return self._noted(key, MadeCall(row.state, row.result, denied or row.reason))

    async def _make(self, row: CallRow) -> MadeCall:
        if self._epoch is None:
            return MadeCall("withdrawn", reason=Sentence("tool.ended"))
        if self._toolbox.options.off:  # since the call was asked for
            await self._toolbox.calls.withdraw(row.key, Sentence("tool.off"))
            return MadeCall("withdrawn", reason=Sentence("tool.off"))
        try:
            made = await self._toolbox.caller.make(row, self._epoch, self._run_id, self._keep)
        except StoreUnavailable as error:  # it may have been sent, and its end is not kept
            log.error("tool.end_not_kept", error=str(error), tool=row.asked.tool)
            return MadeCall("uncertain", reason=Sentence("tool.not_kept"))
        return self._noted(row.key, made)

    def _noted(self, key: CallKey, made: MadeCall) -> MadeCall:
        if made.state == "answered" and made.result is not None:
            self.given[key] = made.result.text
        if made.spent is not None:
            self._generation.besides.append(made.spent)
        return made

    async def _own(self) -> None:
        """Learns under which number this process owns the run: once, before its first call."""
        if not self._owned:
            await self._durable()
            self._epoch = await self._toolbox.calls.epoch(self._run_id)
            self._first = self._made = await self._toolbox.calls.next_number(self._run_id)
            self._owned = True

    def _asked(self, call: ToolCall, tool: ToolInfo | None) -> AskedCall:
        config = None if tool is None else self._toolbox.servers.config(tool.server)
        if tool is None or config is None:
            unbound = CallBinding(hash_of_arguments(call.arguments), "", "")
            return AskedCall(call.id, "", call.name, call.arguments, unbound)
        bound = binding_of(call.arguments, config, tool)
        return AskedCall(call.id, tool.server, tool.name, call.arguments, bound)

    async def _wanted(self, call: ToolCall, tool: ToolInfo | None) -> Wanted:
        off = await self._toolbox.off()
        if tool is None:
            return Wanted(call.name, call.arguments, None, None, off=off)
        config = self._toolbox.servers.config(tool.server)
        return Wanted(
            tool.name,
            call.arguments,
            config,
            tool,
            doubted=await self._toolbox.calls.doubted(self._runs, tool.server, tool.name),
            rule=None if config is None else await self._rule(config, tool),
            off=off,
        )

    async def _rule(self, config: ServerConfig, tool: ToolInfo) -> ToolRule | None:
        """The rule that allows the tool here, where the operator lets rules be made of it."""
        if tool.name not in config.remember:
            return None
        hashes = (config.sha256, tool.sha256)
        scope = RuleScope(self._where, self._asker, tool.server, tool.name, *hashes)
        return await self._toolbox.rules.holding(scope)

    def _line(
        self, call: ToolCall, tool: ToolInfo | None, made: MadeCall, seconds: float
    ) -> Sentence | None:
        """What the reader sees of a call."""
        detail = self._toolbox.options.detail
        if detail == "quiet" and made.state != "uncertain":
            return None  # what may have been done is never kept from the reader
        name = call.name if tool is None else f"{tool.server}: {tool.name}"
        if detail == "arguments" and (arguments := arguments_of(call.arguments)):
            name = f"{name} {_short(str(arguments))}"
        if made.state == "answered":
            return Sentence("tool.made", {"name": name, "seconds": seconds})
        why = "" if made.reason is None else english(made.reason)
        id_ = "tool.perhaps" if made.state == "uncertain" else "tool.not_made"
        return Sentence(id_, {"name": name, "why": why})


def _turn(call: ToolCall, tool: ToolInfo | None, made: MadeCall) -> Turn:
    """What the model is given: data between marks, or why there is none."""
    server = "" if tool is None else tool.server
    why = "" if made.reason is None else english(made.reason)
    data = "" if made.result is None else as_data(made.result.text, server, call.name)
    text = "\n".join(part for part in (why, data) if part)
    failed = made.state != "answered"
    return Turn("tool", text, call_id=call.id, name=call.name, failed=failed)


def _offer(tools: Mapping[str, ToolInfo]) -> Iterator[Tool]:
    for name, tool in tools.items():
        yield Tool(name, tool.description, tool.schema)


def _name(tool: ToolInfo) -> str:
    """A tool's name with its server's, of characters that every service takes."""
    return _ODD.sub("_", f"{tool.server}__{tool.name}")[:_MOST_NAME]


def _free(name: str, taken: Mapping[str, object]) -> str:
    """The name, or one like it that nobody has."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _MOST_NAME - 4]}_{number}"
    return free


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"

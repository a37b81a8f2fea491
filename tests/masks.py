"""Masking over generated conversations: `python -m tests.masks --texts 5000`.

Each is masked, and no value is left; its answer is restored under every cut into two and in pieces
of every size, and is exactly what it has to be at any moment. One in ten (or `--runs-of`) is a
whole run: a chain of models answers in pieces, some broken off and continued by another model. No
request holds a value, no message shows a placeholder that was issued, and the receipt is verified.
A part of it runs in the suite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings

from bot.app.masking import SettingsMasker
from bot.logs import set_up
from bot.runs import Maker, Result
from bot.scopes import Offered, Scopes
from bot.settings import Settings
from bot.store import Store
from bot.tools import Servers
from connectors.keys import Keys, derived
from providers.base import Request, Turn
from providers.failover import ChainProvider, RetryPolicy
from providers.masking import Finders, Masks
from providers.masking.restoring import Restorer
from providers.scripted import Cut, Script, ScriptedProvider
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.masked import (
    KINDS,
    LIKE,
    PATTERNS,
    Conversation,
    conversations,
    expected,
    held,
)
from tests.doubles.way import Way, a_way, clock_us

SECRET = "masks-in-tests-have-this-secret-key"
FINDERS = Finders(KINDS, PATTERNS)
_SETTINGS: dict[str, Settings] = {}


def masked_maker(store: Store, servers: Servers | None = None, **given: Any) -> Maker:
    """Masks as the settings say: all kinds, unless others are given."""
    chosen = {"mask": KINDS, "mask_patterns": PATTERNS, "secret_key": (SECRET,), **given}
    known = repr(chosen)
    if known not in _SETTINGS:  # reading them takes as long as a run
        _SETTINGS[known] = Settings(_env_file=None, **chosen)
    wanted = _SETTINGS[known]
    masker = SettingsMasker(wanted, store, servers or Servers({}))
    return Maker(Scopes(store.scopes, Offered()), _NoModels(), clock_us, masker=masker)


class _NoModels:
    def chain(self, names: Any) -> Any:
        """Nobody chooses one."""
        raise AssertionError(names)


async def map_of(store: Store, result: Result) -> dict[str, str]:
    """What was issued in a run, out of its sealed map."""
    await store.settled(result.run_id, 5)
    sealed = await store.masks.read(result.run_id)
    if sealed is None:
        return {}
    opened = Keys([derived(SECRET, "masks")]).decrypted(sealed)
    assert opened is not None
    values: dict[str, str] = json.loads(opened)["values"]
    return values


def _model(asked: Conversation, *, breaks: bool, seen: list[str]) -> ScriptedProvider:
    """Answers what the conversation says, or what of it another model has not said yet."""

    def script(request: Request) -> Script:
        known = [each for turn in request.turns[-8:] for each in LIKE.findall(turn.text)]
        placeholders = list(dict.fromkeys(each for each in known if not each.endswith("ABCDEF")))
        tokens = asked.tokens(asked.raw([p for p in placeholders if "-NAME-0-" not in p]))
        if breaks:
            tokens = tokens[: asked.breaks_at]
        seen.append("".join(tokens))
        return [*tokens, Cut()] if breaks else tokens

    return ScriptedProvider(script, name=f"s:{breaks}", stall_seconds=60)


async def whole_run(asked: Conversation) -> Counter[str]:
    """One conversation through a whole run; raises `AssertionError` where a promise is broken."""
    seen: list[str] = []
    models = [_model(asked, breaks=True, seen=seen)] if asked.breaks_at else []
    models.append(_model(asked, breaks=False, seen=seen))
    chain = ChainProvider(models, RetryPolicy(5.0, goes_on=True, spread=lambda: 0.5))
    async with a_way(provider=chain, maker=masked_maker) as way:
        for text in asked.earlier:
            await way.ask(text)
            await way.intake.settled()
        seen.clear()
        result = await way.answer(asked.question)
        issued = await map_of(way.store, result)
        await _judge(asked, way, result, issued, seen, [r for m in models for r in m.requests])
    return Counter(runs=1, values=len(issued), sent=sum(len(m.requests) for m in models))


async def _judge(
    asked: Conversation,
    way: Way,
    result: Result,
    issued: dict[str, str],
    seen: list[str],
    requests: list[Request],
) -> None:
    for request in requests:
        assert held(request, {*issued.values(), *_whole(asked)}) == []
    assert result.text == "".join(expected(raw, issued) for raw in seen)
    shown = "\n".join(way.shown)
    assert not [placeholder for placeholder in issued if placeholder in shown]
    assert result.receipt.faults == ()
    assert result.receipt.verdict == "verified", result.receipt
    assert result.receipt.masks is not None
    assert result.receipt.masks.requests == len(seen)
    log = await way.store.tokens.read(result.run_id)
    assert "".join(t.text for t in log if t.kind in ("text", "refusal")) == result.text


def _whole(asked: Conversation) -> Iterator[str]:
    """The values that are masked as they are, and not as part of something larger."""
    for value in asked.values:
        if FINDERS(value) and FINDERS(value)[0][:2] == (0, len(value)):
            yield value


def every_chunking(asked: Conversation) -> int:
    """The conversation masked, and the answer restored under every cut into two and in pieces of
    each size; how many.
    """
    masks = Masks(FINDERS)
    turns = tuple(Turn("user", text) for text in (*asked.earlier, asked.question))
    assert held(masks.request(Request(turns)), [*masks.values.values(), *_whole(asked)]) == []
    raw = asked.raw(list(masks.values))
    due = expected(raw, masks.values)
    cuts = [[raw[:at], raw[at:]] for at in range(len(raw) + 1)]
    cuts += [[raw[at : at + n] for at in range(0, len(raw), n)] for n in range(1, 13)]
    for pieces in cuts:
        restorer, shown = Restorer(masks), ""
        for piece in pieces:
            shown += restorer.take(piece)
            assert due.startswith(shown), (due, shown)
        assert shown + restorer.flush() == due
    return len(cuts)


def check(texts: int, *, runs_of: int = 1) -> Counter[str]:
    """All of it for so many conversations; a whole run for one in `runs_of`."""
    counts: Counter[str] = Counter()

    @given(asked=conversations())
    @settings(
        deadline=None,
        max_examples=texts,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def one(asked: Conversation) -> None:
        if counts["texts"] % runs_of == 0:
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                counts.update(runner.run(whole_run(asked)))
        counts["texts"] += 1
        counts["chunkings"] += every_chunking(asked)

    one()
    return counts


def main() -> None:
    """Checks so many conversations, and says what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--runs-of", type=int, default=10, help="a whole run for one in so many")
    given_ = parser.parse_args()
    set_up("error", "console")
    began = time.perf_counter()
    counts = check(given_.texts, runs_of=given_.runs_of)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    sys.stdout.write(f"{told} in {time.perf_counter() - began:.0f} s: nothing was found\n")


if __name__ == "__main__":
    main()

"""Bugs that are planted one by one: the simulation has to catch each of them.

`python -m tests.simulation.mutants` searches for the first seeds that do, and prints a table.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from bot.callbacks import DeliveryHandler, RecordingHandler
from bot.cluster.conversation_lock import ConversationLocks
from bot.cluster.heartbeat import FailureDetector, Heartbeat
from bot.cluster.leases import Leases
from bot.cluster.recovery import Recovery
from bot.cluster.takeover import Takeover
from bot.intake.queue import Turns
from bot.pacing import Pacing
from bot.pacing.limiter import RateLimiter
from bot.reply.calls import PlatformCalls
from bot.reply.last_words import LastWords
from bot.reply.refusals import Refusals
from bot.reply.reply import Reply
from bot.reply.screen import Screen
from bot.reply.state import ReplyState
from bot.runs import outcomes, receipts
from bot.runs import run as one_run
from bot.runs.record import RunRecord
from bot.runs.run import Run
from bot.store.inbox import Given, Inbox
from bot.store.messages import WhisperLog
from bot.store.token_log import TokenLog
from connectors.base import MessageLimited, RateLimited, Refused, Shown, TooLarge, Unavailable
from connectors.markdown import form
from tests.simulation.course import simulate
from tests.simulation.seeds import OPEN
from tests.simulation.wire import Connector

MOST_SEEDS = 400
"""A bug has to be caught within so many seeds."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug; `says` names the invariants of which one has to speak, `seed` one seed that
    is known to catch it."""

    plant: Callable[[ExitStack], None]
    says: tuple[str, ...]
    seed: int

    @property
    def name(self) -> str:
        """What is done wrong."""
        return self.plant.__name__

    @property
    def sentence(self) -> str:
        """The same in words."""
        return (self.plant.__doc__ or "").strip()

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The bug is there as long as this lasts."""
        with ExitStack() as stack:
            self.plant(stack)
            yield

    def catches(self, seed: int) -> str | None:
        """What the simulation says to a seed with the bug, if that is what it should say."""
        with self.planted():
            broken = simulate(seed).broken
        return next((each for each in broken if each.startswith(self.says)), None)


def _put(stack: ExitStack, where: Any, name: str, what: Any) -> None:
    stack.enter_context(patch.object(where, name, what))


def _cancel() -> None:
    """Cancels the task that asks: that of a reply."""
    task = asyncio.current_task()
    assert task is not None
    assert task.get_name().startswith("reply ")
    task.cancel()


def drop_the_last_token(stack: ExitStack) -> None:
    """The token that comes right before the end is recorded and not delivered."""
    held: dict[int, Any] = {}
    old = DeliveryHandler.on_llm_new_token

    async def late(self: Any, token: Any, **options: Any) -> None:
        before = held.get(id(self._reply))
        held[id(self._reply)] = (token, options)
        if before is not None:
            await old(self, before[0], **before[1])

    end = Screen.end

    def trusting(self: Screen, ending: Any) -> int | None:
        return end(self, replace(ending, text=self._layout.text))

    _put(stack, DeliveryHandler, "on_llm_new_token", late)
    _put(stack, Screen, "end", trusting)


def skip_the_last_edit(stack: ExitStack) -> None:
    """An answer that has ended is not shown any more as it ended."""
    old = Screen.next

    def lazy(self: Screen) -> Any:
        return None if self.ending is not None and self.messages else old(self)

    _put(stack, Screen, "next", lazy)


def forget_the_beat(stack: ExitStack) -> None:
    """A process beats once, when it starts, and never again."""

    async def silent(_self: Heartbeat) -> None:
        await asyncio.Event().wait()

    _put(stack, Heartbeat, "beat_for_ever", silent)
    _put(stack, Heartbeat, "calm", property(lambda _self: True))


def post_again_blindly(stack: ExitStack) -> None:
    """A post whose answer was lost is made again under a new key."""
    old = Connector.post

    async def anew(self: Connector, place: Any, part: Any, key: str) -> Any:
        return await old(self, place, part, f"{uuid4()}/{key}")

    _put(stack, Connector, "post", anew)


def answer_each_delivery(stack: ExitStack) -> None:
    """An event that is delivered twice is taken for two."""
    old = Inbox.add

    async def again(self: Inbox, asked: Any, received_us: int, *more: Any) -> int | None:
        found = await old(self, asked, received_us, *more)
        return 1 if found is None else found

    _put(stack, Inbox, "add", again)
    keep = ConversationLocks.keep

    async def anew(self: ConversationLocks, asked: Any, received_us: int, *more: Any) -> Given:
        return await keep(self, asked, received_us, *more) or Given(1, self._me)

    _put(stack, ConversationLocks, "keep", anew)


def call_without_pacing(stack: ExitStack) -> None:
    """Nobody waits for a turn."""

    async def at_once(_self: RateLimiter, *_claim: Any) -> float:
        return asyncio.get_running_loop().time()

    _put(stack, RateLimiter, "draw", at_once)
    _put(stack, RateLimiter, "give_back", lambda _self, _call: None)


def record_a_token_twice(stack: ExitStack) -> None:
    """Every third token is recorded twice."""
    old = RecordingHandler.on_llm_new_token

    async def twice(self: Any, token: Any, **options: Any) -> None:
        await old(self, token, **options)
        if self._seq % 3 == 1:
            await old(self, token, **options)

    _put(stack, RecordingHandler, "on_llm_new_token", twice)


def lose_a_token_of_the_log(stack: ExitStack) -> None:
    """The log lacks the third token of an answer."""
    old = TokenLog.add

    def forgetful(self: Any, run_id: Any, seq: int, *rest: Any) -> None:
        if seq != 2:
            old(self, run_id, seq, *rest)

    _put(stack, TokenLog, "add", forgetful)


def end_without_a_note(stack: ExitStack) -> None:
    """An answer whose process died looks as if it were whole."""
    mute = replace(outcomes.INTERRUPTED, note=None)
    _put(stack, outcomes, "INTERRUPTED", mute)


def swallow_a_refused_last_edit(stack: ExitStack) -> None:
    """A last edit that is refused for the rate is taken for shown."""
    old = Refusals.face

    async def content(self: Refusals, step: Any, problem: Any) -> None:
        if isinstance(problem, RateLimited) and self._state.screen.ending is not None:
            _cancel()
        else:
            await old(self, step, problem)

    _put(stack, Refusals, "face", content)


def claim_what_lives(stack: ExitStack) -> None:
    """Every other process counts as dead."""
    _put(stack, FailureDetector, "living", lambda self, *_args: {self._me})


def ignore_the_stop(stack: ExitStack) -> None:
    """Whoever is asked to stop goes on, and never ends while the model is silent."""
    _put(stack, Run, "stop", lambda *_args: None)
    _put(stack, one_run, "CANCEL_DEADLINE_S", 1e6)


def shrink_the_text(stack: ExitStack) -> None:
    """A part gives up its tail before the next part stands."""
    old = Screen.next

    def hasty(self: Screen) -> Any:
        step = old(self)
        if step is not None and step.call == "post" and step.at > 0:
            edit = self._step("edit", step.at - 1, self._target())
            if self._messages[step.at - 1].part != edit.part:
                return edit
        return step

    _put(stack, Screen, "next", hasty)


def show_a_cut_answer_as_complete(stack: ExitStack) -> None:
    """A stream that broke off counts as an answer that is done."""
    _put(stack, outcomes, "failed", lambda *_: outcomes._BY_FINISH["stop"])


def compare_a_witness_with_itself(stack: ExitStack) -> None:
    """The receipt takes what was generated for what is shown, and the last words are not shown."""
    old = receipts.compare

    def credulous(generated: str, recorded: Any, _shown: Any, **_delivery: Any) -> Any:
        return old(generated, recorded, receipts.Evidence(generated))

    _put(stack, one_run, "compare", credulous)
    _put(stack, Screen, "end", _shortened(Screen.end))


def trust_a_lost_post(stack: ExitStack) -> None:
    """A post whose answer was lost is taken for not made, and the answer is given up."""
    old = Refusals.face

    async def hasty(self: Refusals, step: Any, problem: Any) -> None:
        if isinstance(problem, Unavailable) and step.call == "post":
            _cancel()
            self._state.over.set()
        else:
            await old(self, step, problem)

    _put(stack, Refusals, "face", hasty)


def forget_who_waits(stack: ExitStack) -> None:
    """A question that waits for its turn is lost when the one before it ends."""
    old = Turns._mark

    async def careless(self: Turns, item: Any, state: Any, run_id: Any = None) -> None:
        self._conversations.drop(lambda _item: True)
        await old(self, item, state, run_id)

    _put(stack, Turns, "_mark", careless)


def end_by_the_log_alone(stack: ExitStack) -> None:
    """What a dead process had shown and not recorded is taken off the screen again."""

    async def short(_self: Takeover, text: str, *_rest: Any) -> str:
        return text

    _put(stack, Takeover, "_known", short)


def tell_the_question(stack: ExitStack) -> None:
    """The log carries what people ask."""
    old = RunRecord.begin

    def gossip(self: Any, question: Any, *made_with: Any, **more: Any) -> None:
        one_run.log.info("run.asked", question=question.asked.text)
        old(self, question, *made_with, **more)

    _put(stack, RunRecord, "begin", gossip)


def leave_the_questions_of_the_dead(stack: ExitStack) -> None:
    """A question that a dead process kept is not looked for."""

    async def none(*_args: Any) -> list[Any]:
        return []

    _put(stack, Leases, "orphaned_questions", none)


def share_no_budget(stack: ExitStack) -> None:
    """Each process takes the whole budget for its own."""
    _put(stack, Pacing, "divide", lambda *_args: None)


def answer_side_by_side(stack: ExitStack) -> None:
    """No process asks who has the floor in a conversation."""
    _put(stack, Turns, "one_at_a_time", property(lambda _self: False))


def answer_anew_what_was_seen(stack: ExitStack) -> None:
    """What a dead process had shown and nobody recorded counts for nothing."""

    async def never(*_args: Any) -> bool:
        return False

    _put(stack, Recovery, "_ended", never)


def take_a_second_429_for_shown(stack: ExitStack) -> None:
    """An edit that is refused for the rate twice in a row is taken for shown."""
    limited: dict[int, int] = {}
    face, confirm = Refusals.face, ReplyState.confirm

    async def content(self: Refusals, step: Any, problem: Any) -> None:
        again, state = isinstance(problem, RateLimited) and step.ref is not None, self._state
        limited[id(state)] = limited.get(id(state), 0) + 1 if again else 0
        if limited[id(state)] < 2:
            await face(self, step, problem)
        else:
            text = step.part.text.strip()
            step = replace(step, closes=False)
            state.confirm(step, Shown(step.ref, form(text), source=text))

    def counted(self: ReplyState, *told: Any) -> None:
        limited[id(self)] = 0
        confirm(self, *told)

    _put(stack, Refusals, "face", content)
    _put(stack, ReplyState, "confirm", counted)


def go_down_in_silence(stack: ExitStack) -> None:
    """Where no message is taken any more, the asker is not told."""

    async def mute(_self: LastWords, _why: str) -> None: ...

    _put(stack, LastWords, "_tell_the_asker", mute)


def leave_stop_after_a_refused_edit(stack: ExitStack) -> None:
    """A message that refused an edit is not tried again without its Stop."""

    async def lazy(_self: LastWords) -> None: ...

    _put(stack, LastWords, "_tidy", lazy)


def silence_the_channel_for_one_message(stack: ExitStack) -> None:
    """A refusal of one message's edit is taken for one of its channel."""
    old = Refusals.face

    async def hasty(self: Refusals, step: Any, problem: Any) -> None:
        if step.ref is not None and isinstance(problem, Refused | TooLarge | MessageLimited):
            self._state.give_up("the channel takes nothing")
        else:
            await old(self, step, problem)

    _put(stack, Refusals, "face", hasty)


def tell_the_asker_in_every_process(stack: ExitStack) -> None:
    """Nobody asks whether the asker has been told before."""

    async def always(*_claim: Any) -> bool:
        return True

    _put(stack, WhisperLog, "claim", always)


def take_any_word_for_the_end(stack: ExitStack) -> None:
    """A word that nobody knows makes an answer whole."""
    _put(stack, outcomes, "_BY_FINISH", {**outcomes._BY_FINISH, "unknown": _WHOLE})


def forget_a_deletion_in_flight(stack: ExitStack) -> None:
    """A deletion that is heard while an edit is in flight is forgotten."""
    flying: set[int] = set()
    send, make, forget = Reply._send, PlatformCalls.make, ReplyState.forget
    states: dict[int, int] = {}

    async def known(self: Reply, step: Any) -> None:
        states[id(self._calls)] = id(self.state)
        await send(self, step)

    async def fly(self: PlatformCalls, step: Any) -> Any:
        flying.add(states[id(self)])
        try:
            return await make(self, step)
        finally:
            flying.discard(states[id(self)])

    def forgetful(self: ReplyState, ref: Any) -> bool:
        return id(self) not in flying and forget(self, ref)

    _put(stack, Reply, "_send", known)
    _put(stack, PlatformCalls, "make", fly)
    _put(stack, ReplyState, "forget", forgetful)


_WHOLE = outcomes._BY_FINISH["stop"]


def _shortened(old: Callable[..., Any]) -> Callable[..., Any]:
    def end(self: Screen, ending: Any) -> Any:
        words = ending.text.split(" ")
        return old(self, replace(ending, text=" ".join(words[: max(1, len(words) - 1)])))

    return end


MUTANTS: Sequence[Mutant] = (
    Mutant(drop_the_last_token, ("receipt", "cut", "broken"), 0),
    Mutant(skip_the_last_edit, ("writing", "unmarked", "receipt"), 4),
    Mutant(forget_the_beat, ("posted twice", "twice", "interrupted", "shrinks", "unmarked"), 13),
    Mutant(post_again_blindly, ("posted twice",), 2),
    Mutant(answer_each_delivery, ("twice", "unseen"), 3),
    Mutant(call_without_pacing, ("budget",), 2),
    Mutant(record_a_token_twice, ("broken",), 0),
    Mutant(lose_a_token_of_the_log, ("broken",), 1),
    Mutant(end_without_a_note, ("unmarked",), 8),
    Mutant(swallow_a_refused_last_edit, ("writing", "unmarked", "receipt"), 4),
    Mutant(claim_what_lives, ("posted twice", "interrupted", "shrinks", "unmarked"), 1),
    Mutant(ignore_the_stop, ("unheard",), 180),
    Mutant(shrink_the_text, ("shrinks",), 13),
    Mutant(show_a_cut_answer_as_complete, ("cut",), 4),
    Mutant(compare_a_witness_with_itself, ("receipt",), 2),
    Mutant(trust_a_lost_post, ("writing", "unseen", "broken"), 2),
    Mutant(forget_who_waits, ("unrest", "lost"), 4),
    Mutant(tell_the_question, ("secret",), 0),
    Mutant(answer_anew_what_was_seen, ("shrinks", "posted twice"), 55),
    Mutant(leave_the_questions_of_the_dead, ("unrest", "lost"), 4),
    Mutant(take_a_second_429_for_shown, ("receipt", "writing", "unmarked"), 10_002),
    Mutant(go_down_in_silence, ("silent",), 10_000),
    Mutant(take_any_word_for_the_end, ("whole",), 10_002),
    Mutant(forget_a_deletion_in_flight, ("receipt",), 112),
    Mutant(answer_side_by_side, ("side by side",), 16),
    Mutant(leave_stop_after_a_refused_edit, ("writing",), 3_000_014),
    Mutant(silence_the_channel_for_one_message, ("given up",), 4),
    Mutant(tell_the_asker_in_every_process, ("told twice",), 253),
)

SOUGHT: Sequence[Mutant] = (
    Mutant(share_no_budget, ("budget",), 1),
    Mutant(end_by_the_log_alone, ("shrinks",), 9),
)
"""Those of which no seed is known yet that catches them."""


def caught(mutant: Mutant, most: int = MOST_SEEDS) -> tuple[int, str] | None:
    """The first seed that catches a bug, and what it says: the known one, or one found anew.

    A seed that fails without a planted bug catches none.
    """
    for seed in (mutant.seed, *range(most)):
        if seed not in OPEN and (said := mutant.catches(seed)) is not None:
            return seed, said
    return None


def main() -> int:
    """Prints the table; exit code 1 where a bug is not caught."""
    missed = 0
    for mutant in (*MUTANTS, *SOUGHT):
        found = caught(mutant)
        missed += found is None
        seed, said = found or ("-", "not caught")
        print(f"| {mutant.name} | {mutant.sentence} | {seed} | {said[:60]} |", flush=True)  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

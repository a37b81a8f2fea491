"""A reply's phases: which event leads from which to which, and what is sent in each."""

from __future__ import annotations

from uuid import UUID

import pytest

from bot.reply.calls import UNHEARD, ReplyRecord
from bot.reply.screen import Ending
from bot.reply.state import FROM_THE_START, NEXT, Phase, PhaseEvent, ReplyState
from bot.store import memory_store
from connectors.base import Control, Limits, MessageRef, Place, Shown
from connectors.markdown import form

PLACE = Place("memory", "W", "C")
QUESTION = MessageRef(PLACE, "q")
RUN = UUID(int=1)

WAYS = [
    ((), Phase.GROWING),
    (("finish",), Phase.ENDING),
    (("finish", "settle"), Phase.ENDED),
    (("cut",), Phase.CUT),
    (("cut", "finish"), Phase.CLOSING),
    (("finish", "cut"), Phase.CLOSING),
    (("cut", "finish", "settle"), Phase.ENDED),
    (("abandon",), Phase.ABANDONED),
    (("abandon", "finish"), Phase.ABANDONED),
    (("abandon", "finish", "settle"), Phase.ABANDONED),
    (("abandon", "cut"), Phase.ABANDONED),
    (("cut", "abandon"), Phase.ABANDONED),
    (("finish", "settle", "cut"), Phase.ENDED),
    (("finish", "settle", "abandon"), Phase.ABANDONED),
    (("settle",), Phase.GROWING),
    (("cut", "settle"), Phase.CUT),
    (("cut", "cut"), Phase.CUT),
    (("finish", "finish"), Phase.ENDING),
    (("finish", "settle", "amend"), Phase.ENDING),
    (("finish", "settle", "amend", "settle"), Phase.ENDED),
    (("cut", "finish", "settle", "amend"), Phase.ENDED),
    (("amend",), Phase.GROWING),
    (("abandon", "amend"), Phase.ABANDONED),
]


async def a_state() -> ReplyState:
    """Of a reply that has shown its first words."""
    record = ReplyRecord(RUN, "memory", memory_store(), UNHEARD, 0)
    state = ReplyState(RUN, QUESTION, Limits(1000), FROM_THE_START, record, lambda: 0)
    state.screen.append("Hello.")
    step = state.next()
    assert step is not None
    state.confirm(step, Shown(MessageRef(PLACE, "a"), form(step.part.text)))
    return state


def happen(state: ReplyState, event: PhaseEvent) -> None:
    """Makes something happen to a reply."""
    match event:
        case "finish":
            state.finish(Ending("Hello."))
        case "cut":
            state.give_up("the channel takes nothing")
        case "settle":
            state.settle()
        case "amend":
            state.amend("A file is missing.")
        case "abandon":
            state.abandon("it goes on elsewhere")


@pytest.mark.parametrize(("events", "phase"), WAYS, ids=str)
async def test_each_way_leads_to_its_phase(events: tuple[PhaseEvent, ...], phase: Phase) -> None:
    state = await a_state()
    for event in events:
        happen(state, event)
    assert state.phase is phase


def test_every_phase_can_be_reached_and_the_last_two_are_left_for_no_call_but_a_note_s() -> None:
    reached, new = {Phase.GROWING}, {Phase.GROWING}
    while new:
        new = {to[phase] for to in NEXT.values() for phase in reached if phase in to} - reached
        reached |= new
    assert reached == set(Phase)
    for phase in (Phase.ENDED, Phase.ABANDONED):
        others = (to for event, to in NEXT.items() if event != "amend")
        assert {to.get(phase, phase) for to in others} <= {phase, Phase.ABANDONED}
    assert NEXT["amend"] == {Phase.ENDED: Phase.ENDING}


@pytest.mark.parametrize(("events", "phase"), WAYS, ids=str)
async def test_no_more_is_shown_in_the_phases_in_which_it_is_not_to_be(
    events: tuple[PhaseEvent, ...], phase: Phase
) -> None:
    """Only a growing answer has Stop; a closed one is only edited, and says that it is cut."""
    state = await a_state()
    for event in events:
        happen(state, event)
    assert state.over.is_set() == bool({"cut", "abandon"} & set(events))
    step = state.next()
    match phase:
        case Phase.GROWING:
            assert step is None  # all of it is shown
        case Phase.ENDING:
            assert step is not None
            assert Control.STOP not in step.part.controls
            assert step.closes is False
        case Phase.CUT | Phase.ENDED | Phase.ABANDONED:
            assert step is None
        case Phase.CLOSING:
            assert step is not None
            assert (step.call, step.closes) == ("edit", True)
            assert Control.STOP not in step.part.controls


async def test_a_deleted_message_cuts_the_answer_and_is_not_edited_again() -> None:
    state = await a_state()
    assert state.forget(MessageRef(PLACE, "a")) is True
    state.finish(Ending("Hello."))
    assert (state.phase, state.gone, state.error) == (Phase.CLOSING, True, None)
    assert state.next() is None


async def test_a_deletion_that_is_heard_before_its_post_is_confirmed_cuts_the_answer() -> None:
    record = ReplyRecord(RUN, "memory", memory_store(), UNHEARD, 0)
    state = ReplyState(RUN, QUESTION, Limits(1000), FROM_THE_START, record, lambda: 0)
    state.screen.append("Hello.")
    step = state.next()
    assert step is not None
    assert state.forget(MessageRef(PLACE, "a")) is False
    state.confirm(step, Shown(MessageRef(PLACE, "a"), form(step.part.text)))
    assert (state.phase, state.gone) == (Phase.CUT, True)

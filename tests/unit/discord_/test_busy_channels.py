"""Where an answer is on its way in a channel of Discord's."""

from __future__ import annotations

from uuid import uuid4

import pytest

from connectors.base import AnswerText, MessageRef, Part, Place
from connectors.discord import places
from connectors.discord.places import BusyChannels, chain

ABOUT = MessageRef(Place("discord", "1", "2", chain("3")), "3")


def part(*, last: bool, about: MessageRef = ABOUT) -> Part:
    return Part(uuid4(), 0, AnswerText("text"), last=last, about=about)


def test_a_channel_is_busy_from_a_question_until_the_last_part_of_its_answer() -> None:
    answering = BusyChannels()
    assert not answering.busy("2")
    answering.asked("2", "3")
    answering.shown(part(last=False))
    assert answering.busy("2")
    assert not answering.busy("9")
    answering.shown(part(last=True))
    assert not answering.busy("2")


def test_an_answer_in_a_thread_leaves_its_channel_free() -> None:
    answering = BusyChannels()
    answering.shown(part(last=False, about=MessageRef(Place("discord", "1", "2", "4"), "4")))
    assert answering.busy("4")
    assert not answering.busy("2")


def test_an_answer_without_a_sign_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering = BusyChannels()
    answering.asked("2", "3")
    monkeypatch.setattr(places, "_SILENT_S", 0.0)
    assert not answering.busy("2")

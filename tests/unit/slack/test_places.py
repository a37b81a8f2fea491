"""Which conversation a message belongs to."""

from __future__ import annotations

import pytest

from connectors.base import Place
from connectors.slack.people import place_of, ref_of


@pytest.mark.parametrize("threads_in_dms", [True, False])
def test_a_message_in_a_channel_opens_a_thread_for_its_answer(threads_in_dms: bool) -> None:
    place = place_of("T1", "C1", "1.5", "", threads_in_dms=threads_in_dms)
    assert place == Place("slack", "T1", "C1", "1.5")


@pytest.mark.parametrize("threads_in_dms", [True, False])
@pytest.mark.parametrize("channel", ["C1", "G1", "D1"])
def test_a_reply_belongs_to_its_thread(channel: str, threads_in_dms: bool) -> None:
    place = place_of("T1", channel, "2.5", "1.5", threads_in_dms=threads_in_dms)
    assert place == Place("slack", "T1", channel, "1.5")


def test_direct_messages_are_one_conversation() -> None:
    assert place_of("T1", "D1", "1.5", "", threads_in_dms=False) == Place("slack", "T1", "D1")


def test_direct_messages_are_a_thread_each_where_streams_want_one() -> None:
    assert place_of("T1", "D1", "1.5", "", threads_in_dms=True) == Place("slack", "T1", "D1", "1.5")


def test_a_message_is_named_by_its_time() -> None:
    ref = ref_of("T1", "C1", "2.5", "1.5", threads_in_dms=False)
    assert (ref.id, ref.place.thread) == ("2.5", "1.5")

"""A part of an answer as the arguments of a post or an edit."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.render import layout
from connectors.base import AnswerText, Control, Part
from connectors.markdown import form
from connectors.slack import SlackOptions, parts
from connectors.slack.dialect import read
from connectors.slack.parts import limits
from tests.doubles.said import Spoken
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.markdown import translate
from tests.doubles.slack.web_api.sizes import (
    check_blocks,
    check_drawn,
    check_metadata,
    check_text,
)

RUN = UUID("00000000-0000-4000-8000-000000000001")


def sent(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return parts.message(Part(RUN, 1, AnswerText(text), **more), "key", 7)


def test_the_text_stands_in_a_markdown_block() -> None:
    assert sent("Hello, *world*.")["blocks"] == [{"type": "markdown", "text": "Hello, *world*."}]


def test_small_print_and_buttons_stand_below_the_text_in_this_order() -> None:
    made = sent(controls=(Control.UP, Control.DOWN), footer=Spoken("verified"))["blocks"]
    assert [block["type"] for block in made] == ["markdown", "context", "actions"]
    assert made[1]["elements"][0] == {"type": "plain_text", "text": "verified", "emoji": False}


def test_every_control_is_a_button_that_says_what_it_is_and_for_which_run() -> None:
    (_, actions) = sent(controls=tuple(Control))["blocks"]
    buttons = {button["action_id"]: button for button in actions["elements"]}
    assert set(buttons) == {f"everytoken_{control.value}" for control in Control}
    assert {button["value"] for button in buttons.values()} == {str(RUN)}
    assert all(button["accessibility_label"] for button in buttons.values())
    assert [b["action_id"] for b in actions["elements"] if "style" in b] == ["everytoken_stop"]
    assert buttons["everytoken_stop"]["style"] == "danger"


@pytest.mark.parametrize("control", Control)
def test_a_button_that_an_older_process_sent_is_known_by_its_id(control: Control) -> None:
    assert parts.control_of(f"everytoken_{control.value}") is control
    assert parts.action_id(control) == f"everytoken_{control.value}"


@pytest.mark.parametrize("other", ["", "stop", "everytoken_", "everytoken_part", "else_stop"])
def test_what_is_no_button_of_ours_is_no_control(other: str) -> None:
    assert parts.control_of(other) is None


def test_a_part_without_a_run_has_no_buttons_and_no_run() -> None:
    made = parts.message(Part(None, 0, AnswerText("Note")), "key", 0)
    assert [block["type"] for block in made["blocks"]] == ["markdown"]
    assert made["metadata"]["event_payload"]["run"] == ""


def test_the_metadata_names_the_post_and_proves_the_text_without_saying_it() -> None:
    digest = hashlib.sha256(b"Hello").hexdigest()
    assert sent()["metadata"] == {
        "event_type": "everytoken_part",
        "event_payload": {
            "key": "key",
            "run": str(RUN),
            "part": 1,
            "version": 7,
            "sha256": digest,
        },
    }


@pytest.mark.parametrize(
    "text",
    ["<!channel> <@U0ALICE001> @here", "&" * 9_000, "<" * 10_000, "汉" * 9_000, "@here😀" * 900],
)
def test_the_notification_is_plain_text_that_pings_nobody(text: str) -> None:
    words = sent(text)["text"]
    assert len(words.encode()) < 4_000
    assert "<" not in words
    assert "@here" not in words
    assert not words.endswith(("&", "&a", "&am", "&amp", "&l", "&lt"))


@settings(deadline=None)
@given(st.sampled_from(["@here", "<@U1>", "x", "&", "😀", "| a ", "a\n"]))
def test_the_longest_part_is_no_longer_than_slack_takes(piece: str) -> None:
    longest = layout(piece * 10_000, limits(SlackOptions()))[0].text
    made = sent(longest, controls=tuple(Control), footer=Spoken("x" * 5_000))
    made["blocks"][1]["elements"][0]["text"] = "verified"
    most = Limits()
    check_text(made["text"], most.update_text)
    check_blocks(made["blocks"], most)
    check_drawn(made["blocks"], translate(made["blocks"][0]["text"]), most)
    check_metadata(made["metadata"], Limits())


@pytest.mark.parametrize("text", ["", "  \n "])
def test_a_part_of_white_space_is_no_empty_block(text: str) -> None:
    made = sent(text)
    assert made["text"]
    (block,) = made["blocks"]
    assert block["text"].strip()
    assert read(translate(block["text"])).text == form(text) == ""


def test_nothing_is_unfurled_or_linked_by_name() -> None:
    assert (sent()["parse"], sent()["link_names"]) == ("none", False)

"""What messages say that have more, or something else, than words of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.slack.content import content_of


def section(text: str, kind: str = "mrkdwn") -> dict[str, Any]:
    """A section block."""
    return {"type": "section", "text": {"type": kind, "text": text}}


def rich(*runs: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    """A rich text block of one element."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(runs)}]}


def words(text: str) -> dict[str, Any]:
    """A run of text."""
    return {"type": "text", "text": text}


def test_a_persons_words_are_their_text_and_not_once_more_its_blocks() -> None:
    assert content_of({"user": "U1", "text": "Hi", "blocks": [rich(words("Hi"))]}) == "Hi"


def test_an_alert_that_is_only_blocks_says_all_of_them() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Disk <full> & hot"}},
        section("Host *db-1* at <https://x.example/1|93 %>"),
        {"type": "divider"},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Region*\neu-1"}]},
        {"type": "context", "elements": [{"type": "plain_text", "text": "since 10:04"}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"text": "Mute"}}]},
    ]
    assert content_of({"bot_id": "B1", "text": "", "blocks": blocks}).split("\n") == [
        "Disk &lt;full&gt; &amp; hot",
        "Host *db-1* at <https://x.example/1|93 %>",
        "*Region*",
        "eu-1",
        "since 10:04",
    ]


def test_of_an_app_the_blocks_count_and_not_the_words_for_its_notification() -> None:
    message = {"bot_id": "B1", "text": "New alert", "blocks": [section("CPU at 99 %")]}
    assert content_of(message) == "CPU at 99 %"
    assert content_of({"bot_id": "B1", "text": "New alert", "blocks": []}) == "New alert"


def test_an_old_attachment_says_its_title_its_text_and_its_fields() -> None:
    attachment = {
        "fallback": "no", "pretext": "Build", "title": "main", "text": "failed",
        "fields": [{"title": "Step", "value": "lint"}, {"value": "3 min"}],
    }  # fmt: skip
    message = {"bot_id": "B1", "text": "", "attachments": [attachment]}
    assert content_of(message) == "Build\nmain\nfailed\nStep: lint\n3 min"


@pytest.mark.parametrize(
    "share",
    [
        {"is_share": True, "text": "The plan\nis this"},
        {"is_msg_unfurl": True, "text": "The plan\nis this", "from_url": "https://x.slack.com/p1"},
        {"message_blocks": [{"message": {"blocks": [section("The plan\nis this")]}}]},
        {"is_share": True, "blocks": [rich(words("The plan\nis this"))]},
        {"is_share": True, "fallback": "The plan\nis this"},
    ],
)  # fmt: skip
def test_a_forwarded_message_says_whose_it_is_and_what_it_says(share: dict[str, Any]) -> None:
    message = {"user": "U1", "text": "", "attachments": [{"author_name": "Bob", **share}]}
    assert content_of(message) == "Forwarded from Bob:\n&gt; The plan\n&gt; is this"
    said = content_of(message | {"text": "See this"})
    assert said == "See this\nForwarded from Bob:\n&gt; The plan\n&gt; is this"


def test_what_a_forwarded_message_carries_comes_along() -> None:
    inner = {"is_share": True, "author_name": "Eve", "text": "Deep"}
    outer = {"is_share": True, "author_name": "Bob", "text": "Shallow", "attachments": [inner]}
    said = content_of({"user": "U1", "text": "", "attachments": [outer]})
    assert said.split("\n") == [
        "Forwarded from Bob:", "&gt; Shallow", "Forwarded from Eve:", "&gt; Deep",
    ]  # fmt: skip


def test_the_preview_of_an_address_is_none_of_a_persons_words() -> None:
    preview = {"from_url": "https://x.example", "title": "Buy now", "text": "Cheap"}
    message = {"user": "U1", "text": "<https://x.example>", "attachments": [preview]}
    assert content_of(message) == "<https://x.example>"


def test_rich_text_keeps_lists_quotes_code_and_whoever_is_named() -> None:
    blocks = [
        rich(words("for "), {"type": "user", "user_id": "U2"}, {"type": "emoji", "name": "wave"}),
        rich(rich(words("one"))["elements"][0], kind="rich_text_list"),
        rich(words("a < b"), kind="rich_text_preformatted"),
        rich({"type": "link", "url": "https://x.example", "text": "here"}, kind="rich_text_quote"),
        {"type": "table", "rows": [[{"type": "raw_text", "text": "k"}, rich(words("v"))]]},
        {"type": "markdown", "text": "**bold**"},
    ]
    assert content_of({"bot_id": "B1", "blocks": blocks}).split("\n") == [
        "for <@U2>:wave:", "• one", "```", "a &lt; b", "```", "&gt; <https://x.example|here>",
        "k\tv", "**bold**",
    ]  # fmt: skip


def test_a_block_that_is_not_known_says_the_texts_that_it_has() -> None:
    block = {"type": "data_card", "title": {"type": "plain_text", "text": "Sales"}, "body": 3}
    assert content_of({"bot_id": "B1", "text": "", "blocks": [block]}) == "Sales"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "blocks", "elements", "attachments", "rows", "fields"]
            ),
            inner | st.sampled_from(["rich_text", "section", "table", "mrkdwn", "rich_text_list"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_whatever_shape_a_payload_has_nothing_is_raised(blocks: Any, attachments: Any) -> None:
    assert isinstance(content_of({"blocks": blocks, "attachments": attachments}), str)

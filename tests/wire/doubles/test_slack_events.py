"""What people do and what the bot hears of it, through bolt's Socket Mode client."""

from __future__ import annotations

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import ALICE, BOB, CAROL, GENERAL, SHARED, Acted, Slack, Upload, sample
from tests.doubles.slack.testing import (
    Heard,
    Json,
    button,
    markdown,
    refused,
    within,
)

pytestmark = pytest.mark.real_time


def kinds(bodies: list[Json]) -> list[tuple[str, str]]:
    """Type and subtype of each event."""
    return [(body["event"]["type"], body["event"].get("subtype", "")) for body in bodies]


# What people do.


async def test_a_mention_is_told_twice_with_one_ts_and_two_event_ids(
    slack: Slack, heard: Heard
) -> None:
    asked = slack.ask("what is 2 < 3?")
    assert await within(asked.settled())
    one, two = heard.bodies
    assert kinds(heard.bodies) == [("message", ""), ("app_mention", "")]
    assert one["event"]["ts"] == two["event"]["ts"] == asked.ts
    assert one["event_id"] != two["event_id"]
    assert one["event"]["text"] == f"{slack.mention} what is 2 &lt; 3?"


async def test_a_direct_message_is_told_once(slack: Slack, heard: Heard) -> None:
    assert await within(slack.ask("Hello", channel=slack.dm()).settled())
    (body,) = heard.bodies
    assert body["event"]["channel_type"] == "im"


async def test_edits_and_deletions_say_what_stood_there(slack: Slack, heard: Heard) -> None:
    asked = slack.say("One")
    slack.edit(asked.ts, "Two")
    slack.delete(asked.ts)
    _, changed, deleted = await heard.wait(3)
    assert changed["event"]["message"]["text"] == "Two"
    assert changed["event"]["message"]["edited"]["user"] == ALICE
    assert changed["event"]["previous_message"]["text"] == "One"
    assert deleted["event"]["deleted_ts"] == asked.ts
    assert deleted["event"]["previous_message"]["text"] == "Two"


async def test_a_deleted_message_with_replies_leaves_a_tombstone(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    asked = slack.say("One")
    await client.chat_postMessage(channel=GENERAL, thread_ts=asked.ts, text="x")
    slack.delete(asked.ts)
    *_, told = await heard.wait(3)
    assert told["event"]["message"]["subtype"] == "tombstone"
    thread = await client.conversations_replies(channel=GENERAL, ts=asked.ts)
    assert thread["messages"][0]["subtype"] == "tombstone"
    assert (await refused(client.chat_update(channel=GENERAL, ts=asked.ts, text="x"))) is not None


async def test_the_bots_own_posts_edits_and_deletions_come_back(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="1"))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="2")
    slack.delete(ts)
    told = await heard.wait(3)
    assert kinds(told) == [
        ("message", ""),
        ("message", "message_changed"),
        ("message", "message_deleted"),
    ]
    assert told[0]["event"]["bot_id"] == slack.workspace.bot_id
    assert told[2]["event"]["previous_message"]["bot_id"] == slack.workspace.bot_id


async def test_a_guest_in_a_shared_channel_is_of_another_team(slack: Slack, heard: Heard) -> None:
    slack.say("Hello", channel=SHARED, user=CAROL)
    (body,) = await heard.wait(1)
    assert body["is_ext_shared_channel"]
    assert body["context_team_id"] == body["team_id"] == slack.workspace.id
    assert body["event"]["user_team"] == body["event"]["source_team"] == "T0PARTNER1"


async def test_a_button_is_pressed_and_its_message_comes_with_it(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    posted = await client.chat_postMessage(
        channel=GENERAL, text="x", blocks=[markdown("x"), button("stop", "run-1")]
    )
    assert await within(slack.press(posted["ts"], "stop", user=BOB).settled())
    told = heard.bodies[-1]
    assert told["type"] == "block_actions"
    assert told["user"]["id"] == BOB
    assert told["message"]["ts"] == told["container"]["message_ts"] == posted["ts"]
    assert told["actions"][0]["value"] == "run-1"
    with pytest.raises(LookupError):
        slack.press(posted["ts"], "retry")


async def test_a_response_url_answers_replaces_and_deletes(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="x", blocks=[button("stop")]))["ts"]
    slack.press(ts, "stop")
    url = (await heard.wait(2))[-1]["response_url"]
    async with aiohttp.ClientSession() as session:
        await session.post(url, json={"text": "for you"})
        await session.post(url, json={"text": "new", "replace_original": True})
        assert slack.message(ts).now.visible == "new"
        await session.post(url, json={"delete_original": True})
    assert [message.to for message in slack.messages(ephemeral=True)] == [ALICE]
    assert slack.message(ts).deleted


async def test_a_command_is_answered_with_its_acknowledgement(slack: Slack, heard: Heard) -> None:
    heard.answer = "A new conversation."
    command = slack.command("new")
    assert await within(command.settled())
    assert command.response == {"text": "A new conversation."}
    assert (heard.bodies[0]["command"], heard.bodies[0]["text"]) == ("/everytoken", "new")


async def test_a_shortcut_opens_a_view_once_and_the_view_is_submitted(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    slack.shortcut(slack.say("Explain me").ts, "explain")
    told = (await heard.wait(2))[-1]
    assert (told["callback_id"], told["message"]["text"]) == ("explain", "Explain me")
    title = {"type": "plain_text", "text": "Title"}
    view: dict[str, object] = {"type": "modal", "callback_id": "settings", "title": title}
    nothing = await refused(client.views_open(trigger_id=told["trigger_id"], view=view))
    assert nothing["error"] == "invalid_arguments"
    view["blocks"] = [{"type": "section", "text": {"type": "mrkdwn", "text": "Hi"}}]
    await client.views_open(trigger_id=told["trigger_id"], view=view)
    again = await refused(client.views_open(trigger_id=told["trigger_id"], view=view))
    assert again["error"] == "exchanged_trigger_id"
    values = {"b1": {"text": {"type": "plain_text_input", "value": "Be brief"}}}
    assert await within(slack.submit_view(values).settled())
    assert heard.bodies[-1]["view"]["state"]["values"] == values
    assert heard.bodies[-1]["view"]["callback_id"] == "settings"


async def test_the_assistant_is_opened_and_told_where_the_reader_is(
    slack: Slack, heard: Heard
) -> None:
    opened = slack.open_assistant(viewing=GENERAL)
    slack.view_channel(opened.ts, SHARED)
    started, changed = await heard.wait(2)
    assert started["event"]["assistant_thread"]["thread_ts"] == opened.ts
    assert changed["event"]["assistant_thread"]["context"]["channel_id"] == SHARED


async def test_an_uninstalled_app_is_told_and_has_no_token_any_more(
    slack: Slack, client: AsyncWebClient, heard: Heard
) -> None:
    await client.auth_test()
    slack.say("so that bolt knows its token")
    await heard.wait(1)
    slack.uninstall(slack.workspace.id)
    told = await heard.wait(3)
    assert [kind for kind, _ in kinds(told)[1:]] == ["app_uninstalled", "tokens_revoked"]
    assert (await refused(client.auth_test()))["error"] == "account_inactive"


# Shapes.


def shape(value: object) -> object:
    """The keys of a payload, all the way down; lists by their first."""
    if isinstance(value, dict):
        # Blocks and values are made by people, and a thread's figures only by replies.
        return {key: shape(each) for key, each in value.items() if key not in {"blocks", "values"}}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


async def test_every_payload_has_the_keys_of_its_sample(
    slack: Slack, client: AsyncWebClient
) -> None:
    asked = slack.ask("Hello")
    reply = slack.say("And?", thread_ts=asked.ts)
    answer = await client.chat_postMessage(
        channel=GENERAL, thread_ts=asked.ts, text="x", blocks=[markdown("x"), button("stop", "1")]
    )
    plain = slack.say("Hello")
    made: dict[str, Acted] = {
        "thread_reply": reply,
        "message_im": slack.say("Hello", channel=slack.dm()),
        "message_changed": slack.edit(slack.say("1").ts, "2"),
        "message_deleted": slack.delete(slack.say("1").ts),
        "channel_join": slack.join(),
        "assistant_thread_started": slack.open_assistant(),
        "assistant_thread_context_changed": slack.view_channel(slack.open_assistant().ts, SHARED),
        "shared_channel_message": slack.say("Hello", channel=SHARED, user=CAROL),
        "file_share": slack.say("Read", files=[Upload("notes.txt", b"notes")]),
        "block_actions": slack.press(answer["ts"], "stop"),
        "slash_command": slack.command("new"),
        "message_action": slack.shortcut(plain.ts, "explain"),
        "tombstone": slack.delete(asked.ts),
        "app_uninstalled": slack.uninstall(slack.workspace.id),
        "tokens_revoked": slack.revoke(slack.workspace.id),
    }
    payloads = {name: acted.deliveries[0].payload for name, acted in made.items()}
    payloads |= {
        "message": asked.deliveries[0].payload,
        "app_mention": asked.deliveries[1].payload,
        "bot_message": next(
            delivery.payload
            for delivery in slack.platform.deliveries
            if delivery.payload.get("event", {}).get("bot_id")
        ),
    }
    for name, payload in payloads.items():
        assert shape(dict(payload)) == shape(sample(name)), name

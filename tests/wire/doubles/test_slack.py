"""The double's Web API, through the real SDK: tokens, messages, histories, files, records."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import (
    ALICE,
    BOB,
    CLIENT_ID,
    CLIENT_SECRET,
    GENERAL,
    Slack,
    Upload,
)
from tests.doubles.slack.testing import Json, button, markdown, refused, web_client

pytestmark = pytest.mark.real_time


# Who asks.


async def test_auth_test_says_who_the_token_is_and_what_it_may_do(
    slack: Slack, client: AsyncWebClient
) -> None:
    answer = await client.auth_test()
    assert answer["team_id"] == slack.workspace.id
    assert answer["user_id"] == slack.workspace.bot_user
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_an_unknown_token_and_a_lost_one_are_refused(
    slack: Slack, client: AsyncWebClient
) -> None:
    async with web_client(slack, "xoxb-other") as stranger:
        assert (await refused(stranger.auth_test()))["error"] == "invalid_auth"
    slack.revoke(slack.workspace.id)
    assert (await refused(client.auth_test()))["error"] == "token_revoked"


async def test_a_missing_scope_is_named(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.scopes = ("chat:write", "im:history")
    answer = await refused(client.users_info(user=ALICE))
    assert answer["error"] == "missing_scope"
    assert answer["needed"] == "users:read"
    assert answer["provided"] == "chat:write,im:history"
    history = await refused(client.conversations_history(channel=GENERAL))
    assert history["needed"] == "channels:history"
    await client.conversations_history(channel=slack.dm())


async def test_an_unknown_method_is_an_error(client: AsyncWebClient) -> None:
    assert (await refused(client.api_call("chat.nothing")))["error"] == "unknown_method"


async def test_each_workspace_has_its_token_people_and_channels(slack: Slack) -> None:
    other = slack.add_workspace()
    async with web_client(slack, other.bot_token) as client:
        assert (await client.auth_test())["team_id"] == other.id
        answer = await refused(client.chat_postMessage(channel=GENERAL, text="x"))
        assert answer["error"] == "channel_not_found"
        await client.chat_postMessage(channel=next(iter(other.channels)), text="x")


# The SDK makes the credentials in a way that a newer aiohttp warns of.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
async def test_an_installation_ends_with_a_token(slack: Slack) -> None:
    other = slack.add_workspace()
    other.void = "account_inactive"
    query = {"team": other.id, "state": "s", "redirect_uri": f"{slack.root}/back"}
    async with aiohttp.ClientSession() as session:
        url = f"{slack.root}/oauth/v2/authorize"
        async with session.get(url, params=query, allow_redirects=False) as answer:
            back = answer.headers["Location"]
    code = back.split("code=")[1].split("&")[0]
    async with web_client(slack) as client:
        told: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        installed = await client.oauth_v2_access(code=code, **told)
        again = await refused(client.oauth_v2_access(code=code, **told))
    assert back.endswith("state=s")
    assert (installed["access_token"], installed["team"]["id"]) == (other.bot_token, other.id)
    assert again["error"] == "invalid_code"
    async with web_client(slack, other.bot_token) as client:
        await client.auth_test()


async def test_people_bots_and_channels_can_be_looked_up(
    slack: Slack, client: AsyncWebClient
) -> None:
    assert (await client.users_info(user=ALICE))["user"]["profile"]["display_name"] == "Alice"
    assert (await refused(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"
    found = await client.bots_info(bot=slack.workspace.bot_id)
    assert found["bot"]["user_id"] == slack.workspace.bot_user
    assert (await client.conversations_info(channel=GENERAL))["channel"]["is_channel"]
    assert (await client.conversations_info(channel=slack.dm()))["channel"]["user"] == ALICE


# Messages.


async def test_the_answer_to_a_post_has_the_message_as_it_is_shown(
    slack: Slack, client: AsyncWebClient
) -> None:
    question = slack.say("Hello")
    metadata = {"event_type": "part", "event_payload": {"run": "1"}}
    answer = await client.chat_postMessage(
        channel=GENERAL,
        thread_ts=question.ts,
        text="1 < 2",
        blocks=[markdown("# One\n**two**"), button("stop", "1")],
        metadata=metadata,
    )
    message = answer["message"]
    assert [block["type"] for block in message["blocks"]] == ["header", "rich_text", "actions"]
    assert all(block["block_id"] for block in message["blocks"])
    assert message["text"] == "1 &lt; 2"
    assert message["thread_ts"] == question.ts
    assert message["user"] == slack.workspace.bot_user
    assert {"bot_id", "app_id"} <= message.keys()
    assert message["metadata"] == metadata
    assert slack.message(answer["ts"]).now.visible == "One\ntwo"
    assert slack.message(answer["ts"]).now.stop


async def test_an_edit_with_blocks_shows_no_edited_mark_and_one_with_text_does(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="1", blocks=[markdown("1")]))["ts"]
    rich = await client.chat_update(channel=GENERAL, ts=ts, text="2", blocks=[markdown("2")])
    assert "edited" not in rich["message"]
    plain = await client.chat_update(channel=GENERAL, ts=ts, text="three")
    assert plain["message"]["edited"]["user"] == slack.workspace.bot_user
    assert [version.visible for version in slack.message(ts).versions] == ["1", "2", "three"]


async def test_an_edit_without_metadata_keeps_it(slack: Slack, client: AsyncWebClient) -> None:
    metadata = {"event_type": "part", "event_payload": {"run": "1"}}
    posted = await client.chat_postMessage(channel=GENERAL, text="1", metadata=metadata)
    await client.chat_update(channel=GENERAL, ts=posted["ts"], text="2")
    assert slack.message(posted["ts"]).now.metadata == metadata


async def test_a_message_that_is_gone_or_another_s_is_not_edited(
    slack: Slack, client: AsyncWebClient
) -> None:
    theirs = slack.say("Hello").ts
    ours = (await client.chat_postMessage(channel=GENERAL, text="x"))["ts"]
    edit = await refused(client.chat_update(channel=GENERAL, ts=theirs, text="x"))
    assert edit["error"] == "cant_update_message"
    deletion = await refused(client.chat_delete(channel=GENERAL, ts=theirs))
    assert deletion["error"] == "cant_delete_message"
    await client.chat_delete(channel=GENERAL, ts=ours)
    edit = await refused(client.chat_update(channel=GENERAL, ts=ours, text="x"))
    assert edit["error"] == "message_not_found"


async def test_an_ephemeral_message_is_for_one_and_in_no_history(
    slack: Slack, client: AsyncWebClient
) -> None:
    await client.chat_postEphemeral(channel=GENERAL, user=BOB, text="psst")
    (whisper,) = slack.messages(ephemeral=True)
    assert whisper.to == BOB
    assert (await client.conversations_history(channel=GENERAL))["messages"] == []


async def test_history_is_newest_first_and_has_no_replies(
    slack: Slack, client: AsyncWebClient
) -> None:
    first, second = slack.say("1"), slack.say("2")
    slack.say("reply", thread_ts=first.ts)
    messages = (await client.conversations_history(channel=GENERAL))["messages"]
    assert [message["ts"] for message in messages] == [second.ts, first.ts]
    assert messages[1]["reply_count"] == 1


async def test_a_thread_is_paged_from_the_oldest_to_the_newest(
    slack: Slack, client: AsyncWebClient
) -> None:
    root = slack.say("root").ts
    replies = [slack.say(str(i), thread_ts=root).ts for i in range(5)]
    seen, cursor = [], ""
    while True:
        page = await client.conversations_replies(
            channel=GENERAL, ts=root, limit=2, cursor=cursor or None
        )
        seen += [message["ts"] for message in page["messages"]]
        if not page["has_more"]:
            break
        cursor = page["response_metadata"]["next_cursor"]
    assert seen == [root, *replies]
    bounded = await client.conversations_replies(
        channel=GENERAL, ts=root, oldest=replies[1], latest=replies[3]
    )
    assert [m["ts"] for m in bounded["messages"]] == [root, replies[2]]
    inclusive = await client.conversations_replies(
        channel=GENERAL, ts=root, oldest=replies[1], latest=replies[3], inclusive=True
    )
    assert [m["ts"] for m in inclusive["messages"]] == [root, *replies[1:4]]


async def test_metadata_comes_back_with_history_only_where_it_is_asked_for(
    slack: Slack, client: AsyncWebClient
) -> None:
    root = slack.say("root").ts
    metadata = {"event_type": "part", "event_payload": {"run": "1"}}
    await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="x", metadata=metadata)
    bare = await client.conversations_replies(channel=GENERAL, ts=root)
    whole = await client.conversations_replies(channel=GENERAL, ts=root, include_all_metadata=True)
    assert "metadata" not in bare["messages"][1]
    assert whole["messages"][1]["metadata"] == metadata


async def test_a_file_is_there_for_the_bearer_of_the_token_alone(
    slack: Slack, client: AsyncWebClient
) -> None:
    asked = slack.say("Read this", files=[Upload("a.txt", b"inside")])
    (file,) = slack.message(asked.ts).files
    assert (await client.files_info(file=file["id"]))["file"]["size"] == 6
    async with aiohttp.ClientSession() as session:
        bearer = {"Authorization": f"Bearer {slack.bot_token}"}
        async with session.get(file["url_private_download"], headers=bearer) as answer:
            assert await answer.read() == b"inside"
        async with session.get(file["url_private_download"]) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")


# The assistant, and what is recorded.


async def test_a_status_stands_until_the_bot_posts(slack: Slack, client: AsyncWebClient) -> None:
    thread = slack.say("Hello", channel=slack.dm())
    await client.assistant_threads_setStatus(
        channel_id=thread.channel, thread_ts=thread.ts, status="is thinking"
    )
    await client.chat_postMessage(channel=thread.channel, thread_ts=thread.ts, text="x")
    assert slack.statuses == ["is thinking", ""]


async def test_titles_and_prompts_are_kept(slack: Slack, client: AsyncWebClient) -> None:
    direct = slack.dm()
    thread = slack.open_assistant().ts
    await client.assistant_threads_setTitle(channel_id=direct, thread_ts=thread, title="A title")
    prompts = [{"title": "t", "message": "m"}]
    await client.assistant_threads_setSuggestedPrompts(
        channel_id=direct, thread_ts=thread, prompts=prompts
    )
    assert slack.platform.titles == {thread: "A title"}
    assert slack.platform.prompts == {thread: prompts}


async def test_the_record_tells_shrinking_pings_and_gaps(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="x", blocks=[markdown("12345")]))[
        "ts"
    ]
    await asyncio.sleep(0.05)
    await client.chat_update(channel=GENERAL, ts=ts, text="x", blocks=[markdown("<@U0ALICE001>")])
    await client.chat_update(channel=GENERAL, ts=ts, text="x", blocks=[markdown("12")])
    ((before, after),) = slack.shrank(ts)
    assert (before.visible, after.visible) == ("@U0ALICE001", "12")
    assert [ping.who for ping in slack.pinged()] == ["U0ALICE001"]
    assert slack.largest_gap(ts) >= 0.05
    assert [call.method for call in slack.calls] == ["chat.postMessage", *["chat.update"] * 2]
    assert {call.status for call in slack.calls} == {200}


async def test_the_arguments_are_the_same_from_a_form_and_from_json(slack: Slack) -> None:
    content: Json = {"channel": GENERAL, "text": "x", "blocks": [markdown("**x**")]}
    form = {**content, "blocks": json.dumps(content["blocks"])}
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in ({"data": form}, {"json": content}):
            async with session.post(f"{slack.url}chat.postMessage", **body) as answer:  # type: ignore[arg-type]  # either
                assert (await answer.json())["ok"]
    one, two = slack.called("chat.postMessage")
    assert one.args == two.args

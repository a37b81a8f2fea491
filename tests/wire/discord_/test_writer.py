"""Messages are posted once, edited one at a time, ping nobody, and work after a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from connectors.base import (
    AnswerText,
    Control,
    Gone,
    MessageRef,
    Part,
    Person,
    Place,
    RateLimited,
    Refused,
    Shown,
    Status,
    TooLarge,
    Unavailable,
)
from connectors.discord import pings
from connectors.discord import places as snowflakes
from connectors.discord import writer as writer_module
from connectors.discord.api import Budgets, Rest
from connectors.discord.interactions import Interaction, Interactions, InteractionTokens
from connectors.discord.options import DiscordOptions
from connectors.discord.parts import custom_id, parsed
from connectors.discord.places import DM, Places, chain
from connectors.discord.writer import LONGEST, DiscordWriter
from tests.doubles.discord import (
    DiscordServer,
    Limits,
    MessageFlag,
    Permission,
    Refuse,
    Reset,
    Slow,
    discord_server,
)
from tests.doubles.discord_way import FREE, options_for
from tests.doubles.waiting import PATIENCE_S, still

pytestmark = pytest.mark.real_time

RUN = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
STOP = (Control.STOP,)


def part(text: str = "Hello", *, index: int = 0, **more: object) -> Part:
    """A part of the run's answer."""
    return Part(RUN, index, AnswerText(text), **more)  # type: ignore[arg-type]  # of a test's own choice


@dataclass
class Bot:
    """A process: its calls, its writer, and what it remembers."""

    server: DiscordServer
    rest: Rest
    writer: DiscordWriter
    places: Places
    interactions: Interactions

    @property
    def place(self) -> Place:
        """The chain of replies that begins with a question that nobody knows."""
        return self.at("1")

    def at(self, first: str) -> Place:
        """A chain of replies in the server's channel."""
        people = self.server.people
        return Place("discord", people.guild.id, people.general.id, chain(first))

    def asks(self, text: str = "Why?") -> MessageRef:
        """Somebody asks, and so begins a chain of replies."""
        asked = self.server.people.say(text)
        return MessageRef(self.at(asked), asked)

    async def command(self, question: str) -> MessageRef:
        """Alice gives a command, and its response waits."""
        options = [{"name": "text", "type": 3}]
        ask = {"id": "5", "name": "ask", "type": 1, "options": options}
        self.server.platform.commands[None] = [ask]
        given = self.server.people.command("ask", {"text": question})
        await self.rest.call(
            "POST",
            "/interactions/{id}/{token}/callback",
            json={"type": 5},
            id=given.id,
            token=given.token,
        )
        ref = MessageRef(self.at(given.id), given.id)
        alice = Person(self.server.people.alice.id, "Alice")
        app = self.server.platform.bot.id
        interaction = Interaction(given.id, given.token, app, alice, question)
        interaction.told.set()
        self.interactions.ask(ref, interaction)
        return ref


@asynccontextmanager
async def process(
    server: DiscordServer, tokens: InteractionTokens | None = None, **options: object
) -> AsyncIterator[Bot]:
    """A process of the bot's, until the block ends."""
    chosen = options_for(server, **options)
    rest, places, interactions = Rest(chosen), Places(), Interactions()
    writer = DiscordWriter(rest, chosen, places, interactions, tokens or InteractionTokens())
    yield Bot(server, rest, writer, places, interactions)
    await writer.aclose()
    await rest.aclose()


@pytest.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A bot on a Discord without rates."""
    async with process(server) as bot:
        yield bot


# What is shown.


async def test_what_a_message_shows_is_what_discord_answers(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part("**Hello**\n\n- you"), "key")
    assert shown.text == "Hello\nyou"
    assert bot.server.record.shown() == ["**Hello**\n- you"]


async def test_a_part_beyond_the_length_is_not_sent(bot: Bot) -> None:
    with pytest.raises(TooLarge):
        await bot.writer.post(bot.place, part("😀" * (LONGEST // 2 + 1)), "key")
    assert bot.server.record.called("POST") == []


async def test_model_text_pings_nobody(bot: Bot) -> None:
    alice = bot.server.people.alice.id
    text = f"@everyone @here <@{alice}> <@&{bot.server.people.guild.id}>"
    shown = await bot.writer.post(bot.asks().place, part(text), "key")
    again = await bot.writer.edit(shown.ref, part(f"{text}!"))
    assert again.text == f"{text}!"
    assert bot.server.record.pinged() == []


async def test_links_are_not_unfurled(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part("https://example.com"), "key")
    await bot.writer.edit(shown.ref, part("https://example.com/more"))
    message = bot.server.record.history[shown.ref.id]
    assert all(MessageFlag.SUPPRESS_EMBEDS in version.flags for version in message.versions)


async def test_buttons_name_control_run_and_part(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part(index=2, controls=STOP), "key")
    (button,) = bot.server.record.history[shown.ref.id].now.buttons
    assert (button["label"], parsed(button["custom_id"])) == ("Stop", (Control.STOP, RUN, 2))
    await bot.writer.edit(shown.ref, part(index=2))
    assert bot.server.record.history[shown.ref.id].now.buttons == []


def test_a_custom_id_of_others_names_nothing() -> None:
    assert parsed(custom_id(Control.UP, RUN, 0)) == (Control.UP, RUN, 0)
    assert custom_id(Control.UP, RUN, 0) == f"everytoken:up:{RUN}:0"
    for other in ("", "everytoken:up", f"everytoken:fly:{RUN}:0", f"poll:up:{RUN}:0", "a:b:c:d"):
        assert parsed(other) is None


# Replies.


async def test_the_first_part_replies_to_the_question_and_each_other_to_the_one_before(
    bot: Bot,
) -> None:
    asked = bot.asks()
    first = await bot.writer.post(asked.place, part(about=asked), "1")
    second = await bot.writer.post(asked.place, part(index=1, about=asked), "2")
    history = bot.server.record.history
    assert (history[first.ref.id].reference or {})["message_id"] == asked.id
    assert (history[second.ref.id].reference or {})["message_id"] == first.ref.id
    assert bot.server.record.pinged() == []


async def test_a_question_that_was_deleted_is_answered_all_the_same(bot: Bot) -> None:
    asked = bot.asks()
    bot.server.people.delete(asked.id)
    shown = await bot.writer.post(asked.place, part(about=asked), "1")
    assert shown.text == "Hello"


async def test_without_the_right_to_read_history_the_answer_is_no_reply(bot: Bot) -> None:
    asked = bot.asks()
    bot.server.people.deny(Permission.READ_MESSAGE_HISTORY)
    shown = await bot.writer.post(asked.place, part(about=asked), "1")
    assert bot.server.record.history[shown.ref.id].reference is None


async def test_an_answer_remembers_its_conversation(bot: Bot) -> None:
    asked = bot.asks()
    shown = await bot.writer.post(asked.place, part(about=asked), "1")
    assert bot.places.of(shown.ref.id) == asked.place


async def test_an_answer_in_a_thread_stands_in_the_thread(bot: Bot) -> None:
    people = bot.server.people
    thread = people.open_thread(people.say("Long?"), name="long")
    place = Place("discord", people.guild.id, people.general.id, thread)
    # The thread's id is that of the message it was opened at, which stands outside of it.
    shown = await bot.writer.post(place, part(about=MessageRef(place, thread)), "1")
    assert bot.server.record.shown(thread) == ["Hello"]
    assert bot.server.record.history[shown.ref.id].reference is None


# Once and only once.


async def test_a_post_whose_answer_was_lost_is_not_posted_again(bot: Bot) -> None:
    bot.server.faults.add(Reset(), "POST", "/channels/*", applied=True)
    with pytest.raises(Unavailable):
        await bot.writer.post(bot.place, part(), "key")
    shown = await bot.writer.post(bot.place, part("Hello again"), "key")
    assert shown.text == "Hello"
    assert bot.server.record.shown() == ["Hello"]


async def test_a_lost_post_is_found_when_discord_has_forgotten_its_nonce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer_module, "_NONCE_HOLDS_S", 0.0)
    async with discord_server(limits=FREE.but(nonce_seconds=0.0)) as server, process(server) as bot:
        asked = bot.asks()
        server.faults.add(Reset(), "POST", "/channels/*", applied=True)
        mine = part(controls=STOP, about=asked)
        with pytest.raises(Unavailable):
            await bot.writer.post(asked.place, mine, "key")
        assert (await bot.writer.post(asked.place, mine, "key")).text == "Hello"
        assert server.record.shown() == ["Hello"]


async def test_a_post_of_a_process_that_died_is_found() -> None:
    async with discord_server(limits=FREE.but(nonce_seconds=0.0)) as server:
        async with process(server) as before:
            asked = before.asks()
            mine = part(controls=STOP, about=asked)
            first = await before.writer.post(asked.place, mine, "key")
        async with process(server) as after:
            assert await after.writer.post(asked.place, mine, "key") == first
            other = replace(mine, index=1)
            assert (await after.writer.post(asked.place, other, "key:1")).ref != first.ref
            retry = replace(mine, run_id=OTHER)
            assert (await after.writer.post(asked.place, retry, "other")).ref != first.ref


async def test_the_parts_of_a_process_that_died_are_found_by_buttons_and_by_text() -> None:
    began = time.time_ns() // 1_000
    async with discord_server(limits=FREE) as server:
        async with process(server) as before:
            asked = await before.command("Why?")
            text = "A first part that is full and has no buttons."
            first = await before.writer.post(asked.place, part(text, about=asked), "1")
            writing = part("And", index=1, controls=STOP)
            second = await before.writer.post(asked.place, writing, "2")
        async with process(server) as after:

            async def find(wanted: Part, key: str = "other") -> Shown | None:
                return await after.writer.find(asked.place, wanted, key, began)

            assert await find(part("Logged", index=1), "2") == second
            assert await after.writer.post(asked.place, writing, "2") == second
            assert await find(part(f"{text} And more")) == first
            assert await find(part(text[:30])) == first
            assert await find(part("A first part of another answer.")) is None
            assert await find(part("A", index=2)) is None
            assert await find(Part(OTHER, 1, AnswerText("And"))) is None
            assert (await after.writer.edit(first.ref, part(f"{text}.."))).text == f"{text}.."
        assert server.record.shown()[0] == f"-# 💬 Why?\n{text}.."


async def test_a_cancelled_post_goes_on_and_is_not_made_again(bot: Bot) -> None:
    bot.server.faults.add(Slow(0.1), "POST", "/channels/*")
    posting = asyncio.create_task(bot.writer.post(bot.place, part(), "key"))
    await bot.server.record.until(lambda: bot.server.faults.waiting == [])
    posting.cancel()
    shown = await bot.writer.post(bot.place, part(), "key")
    assert bot.server.record.shown() == ["Hello"]
    assert shown.text == "Hello"
    assert len(bot.server.record.called("POST")) == 1


# Edits.


async def test_an_edit_waits_for_the_one_that_its_caller_gave_up(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part("1"), "key")
    bot.server.faults.add(Slow(0.1), "PATCH")
    given_up = asyncio.create_task(bot.writer.edit(shown.ref, part("1 2")))
    await bot.server.record.until(lambda: bot.server.faults.waiting == [])
    given_up.cancel()
    assert (await bot.writer.edit(shown.ref, part("1 2 3"))).text == "1 2 3"
    first, second = bot.server.record.called("PATCH")
    assert first.ended is not None
    assert first.ended <= second.at


async def test_an_edit_of_a_deleted_message_says_that_it_is_gone(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part(), "key")
    bot.server.people.delete(shown.ref.id)
    with pytest.raises(Gone):
        await bot.writer.edit(shown.ref, part("more"))
    with pytest.raises(Gone):
        await bot.writer.read(shown.ref)


async def test_an_old_message_that_takes_no_more_edits_goes_on_below(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part(), "key")
    bot.server.record.history[shown.ref.id].edits_left = 0
    with pytest.raises(Refused, match="new message"):
        await bot.writer.edit(shown.ref, part("more"))


async def test_an_archived_thread_is_opened_by_a_new_message(bot: Bot) -> None:
    people = bot.server.people
    thread = people.open_thread(people.say("Long?"), name="long")
    place = Place("discord", people.guild.id, people.general.id, thread)
    shown = await bot.writer.post(place, part(), "1")
    people.archive(thread)
    with pytest.raises(Refused, match="archived"):
        await bot.writer.edit(shown.ref, part("more"))
    assert (await bot.writer.post(place, part("more", index=1), "2")).text == "more"
    people.archive(thread, locked=True)
    with pytest.raises(Refused, match="moderator"):
        await bot.writer.post(place, part("no more", index=2), "3")


async def test_a_rate_limit_is_told_at_once(bot: Bot) -> None:
    shown = await bot.writer.post(bot.place, part(), "key")
    bot.server.faults.add(Refuse(429, retry_after=33.5), "PATCH")
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(RateLimited) as caught:
            await bot.writer.edit(shown.ref, part("more"))
    assert caught.value.retry_after == 33.5


# Budgets.


async def test_posts_and_edits_of_a_channel_share_a_budget(bot: Bot) -> None:
    one, other = bot.at("1"), bot.at("2")
    thread = replace(one, thread="123")
    budget = bot.writer.budget(one, "post")
    assert budget == bot.writer.budget(other, "edit")
    assert (budget.calls, budget.seconds) == (5, 5.25)
    assert bot.writer.budget(thread, "post").key != budget.key


async def test_a_channel_of_a_lower_rate_is_asked_less_often() -> None:
    slow = FREE.but(channel_calls=3, channel_seconds=9.0)
    async with discord_server(limits=slow) as server, process(server) as bot:
        before = bot.writer.budget(bot.place, "post")
        await bot.writer.post(bot.place, part(), "key")
        budget = bot.writer.budget(bot.place, "post")
        assert (budget.calls, budget.seconds) == (3, 9.25)
        assert budget.key != before.key


def tell(budgets: Budgets, limit: int, seconds: float) -> None:
    """Discord says what a window of the channel allows, at its first call."""
    headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(limit - 1)}
    budgets.learn("2", headers | {"X-RateLimit-Reset-After": str(seconds)})


@pytest.mark.parametrize("tight", [(2, 5.0), (5, 9.0), (3, 12.0)])
def test_a_budget_loosens_once_discord_has_said_so_often(tight: tuple[int, float]) -> None:
    budgets = Budgets(DiscordOptions(token="test.token"))
    place = Place("discord", "1", "2")
    usual = budgets.of(place)
    tell(budgets, *tight)
    tightened = budgets.of(place)
    assert tightened != usual
    for _ in range(2):
        tell(budgets, 5, 5.0)
    tell(budgets, *tight)
    for _ in range(2):
        tell(budgets, 5, 5.0)
    assert budgets.of(place) == tightened
    tell(budgets, 5, 5.0)
    assert budgets.of(place) == usual


def test_a_budget_loosens_no_further_than_discord_says() -> None:
    budgets = Budgets(DiscordOptions(token="test.token"))
    place = Place("discord", "1", "2")
    tell(budgets, 2, 20.0)
    for _ in range(3):
        tell(budgets, 4, 9.8)
    assert (budgets.of(place).calls, budgets.of(place).seconds) == (4, 10.25)


async def test_a_rate_that_wavers_changes_no_budget() -> None:
    budgets = Budgets(DiscordOptions(token="test.token"))
    place = Place("discord", "1", "2")
    usual = budgets.of(place)
    for seconds in ("4.9", "5.1", "5.3", "", "much"):
        told = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4"}
        budgets.learn("2", told | {"X-RateLimit-Reset-After": seconds})
    assert budgets.of(place) == usual
    for seconds in ("8.9", "9.1", "8.8"):
        told = {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2"}
        budgets.learn("2", told | {"X-RateLimit-Reset-After": seconds})
    assert (budgets.of(place).calls, budgets.of(place).seconds) == (3, 9.25)


@pytest.mark.parametrize("calls", [1, 4, 5, 8])
def test_as_many_calls_are_made_as_are_set_where_discord_allows_them(calls: int) -> None:
    budgets = Budgets(DiscordOptions(token="test.token", calls=calls))
    tell(budgets, 5, 5.0)
    assert budgets.of(Place("discord", "1", "2")).calls == min(calls, 5)


async def test_discords_own_rate_changes_nothing() -> None:
    usual = FREE.but(channel_calls=5)
    async with discord_server(limits=usual) as server, process(server) as bot:
        before = bot.writer.budget(bot.place, "post")
        await bot.writer.post(bot.place, part(), "key")
        assert bot.writer.budget(bot.place, "post") == before


# Slash commands.


async def test_the_first_part_of_an_answer_to_a_command_is_its_response(bot: Bot) -> None:
    asked = await bot.command("What is\n`pi`?")
    shown = await bot.writer.post(asked.place, part("3", about=asked), "key")
    assert shown.text == "3"
    assert bot.server.record.shown() == ["-# 💬 What is 'pi'?\n3"]
    assert (await bot.writer.edit(shown.ref, part("3.1", about=asked))) == replace(
        shown, text="3.1"
    )
    assert await bot.writer.read(shown.ref) == Shown(shown.ref, "3.1")
    second = await bot.writer.post(asked.place, part("4", index=1, about=asked), "2")
    assert bot.server.record.shown() == ["-# 💬 What is 'pi'?\n3.1", "4"]
    assert second.ref != shown.ref


async def test_a_long_question_leaves_room_for_a_part_of_the_greatest_length(bot: Bot) -> None:
    asked = await bot.command("😀" * 500)
    shown = await bot.writer.post(asked.place, part("x" * LONGEST, about=asked), "key")
    assert shown.text == "x" * LONGEST


async def test_a_response_is_edited_as_a_message_once_its_token_is_dead(bot: Bot) -> None:
    asked = await bot.command("Why?")
    shown = await bot.writer.post(asked.place, part("So", about=asked), "key")
    bot.server.platform.interactions[asked.id].at -= 1000
    assert (await bot.writer.edit(shown.ref, part("So."))).text == "So."
    assert bot.server.record.shown() == ["-# 💬 Why?\nSo."]


async def test_a_response_keeps_its_question_when_another_process_edits_it(
    bot: Bot, server: DiscordServer
) -> None:
    asked = await bot.command("Why?")
    shown = await bot.writer.post(asked.place, part("So", about=asked), "key")
    async with process(server) as after:
        assert (await after.writer.edit(shown.ref, part("So."))).text == "So."
    assert server.record.shown() == ["-# 💬 Why?\nSo."]


@pytest.mark.parametrize("token", ["old", "unknown"])
async def test_an_answer_whose_command_is_dead_is_an_ordinary_message(bot: Bot, token: str) -> None:
    asked = await bot.command("Why?")
    given = bot.server.platform.interactions[asked.id]
    if token == "old":
        given.at -= 1000
    else:
        given.answer = None
    shown = await bot.writer.post(asked.place, part("So", about=asked), "key")
    assert shown.text == "So"
    assert (await bot.writer.edit(shown.ref, part("So."))).text == "So."


async def test_a_response_whose_answer_was_lost_is_made_once(bot: Bot) -> None:
    asked = await bot.command("Why?")
    bot.server.faults.add(Reset(), "PATCH", applied=True)
    with pytest.raises(Unavailable):
        await bot.writer.post(asked.place, part("So", about=asked), "key")
    assert (await bot.writer.post(asked.place, part("So", about=asked), "key")).text == "So"
    assert bot.server.record.shown() == ["-# 💬 Why?\nSo"]


async def test_where_the_bot_may_not_speak_an_answer_to_a_command_follows_up(bot: Bot) -> None:
    asked = await bot.command("Why?")
    await bot.writer.post(asked.place, part("So", about=asked), "key")
    bot.server.people.deny(Permission.SEND_MESSAGES)
    second = await bot.writer.post(asked.place, part("and", index=1, about=asked), "2")
    assert (await bot.writer.edit(second.ref, part("and so", index=1, about=asked))).text == (
        "and so"
    )
    assert bot.server.record.shown() == ["-# 💬 Why?\nSo", "and so"]
    with pytest.raises(Refused, match="permissions"):
        await bot.writer.post(bot.place, part(), "other")


async def test_a_follow_up_whose_answer_was_lost_is_not_posted_again(bot: Bot) -> None:
    await asyncio.sleep(0.002)  # the command is younger than the process, by Discord's clock too
    asked = await bot.command("Why?")
    await bot.writer.post(asked.place, part("So", about=asked), "key")
    bot.server.people.deny(Permission.SEND_MESSAGES)
    bot.server.faults.add(Reset(), "POST", "/webhooks/*", applied=True)
    second = part("and", index=1, about=asked, controls=STOP)
    with pytest.raises(Unavailable):
        await bot.writer.post(asked.place, second, "2")
    assert (await bot.writer.post(asked.place, second, "2")).text == "and"
    assert bot.server.record.shown() == ["-# 💬 Why?\nSo", "and"]


async def test_what_is_for_one_person_is_seen_by_them_alone(bot: Bot) -> None:
    asked = await bot.command("Why?")
    await bot.writer.post(asked.place, part("So", about=asked), "key")
    given = bot.server.platform.interactions[asked.id]
    alice = Person(bot.server.people.alice.id)
    app = bot.server.platform.bot.id
    pressed = Interaction(given.id, given.token, app, alice)
    pressed.told.set()
    bot.interactions.acknowledged(asked.place, pressed)
    note = Part(None, 0, AnswerText("Only you."), to=alice, last=True)
    shown = await bot.writer.post(asked.place, note, "note")
    assert shown.text == "Only you."
    assert bot.server.record.history[shown.ref.id].ephemeral
    other = replace(note, to=Person(bot.server.people.bob.id))
    shown = await bot.writer.post(asked.place, other, "other")
    assert not bot.server.record.history[shown.ref.id].ephemeral


# Typing.


def hurry_typing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between one sign of typing and the next."""
    monkeypatch.setattr(pings, "_EVERY_S", 0.01)
    monkeypatch.setattr(pings, "_APART_S", 0.0)


async def test_typing_goes_on_until_there_is_text(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry_typing(monkeypatch)
    record = bot.server.record
    await bot.writer.signal(bot.place, Status.THINKING)
    await record.until(lambda: len(record.typing) >= 3)
    await bot.writer.post(bot.place, part(), "key")
    count = len(record.typing)
    for text in ("1", "2", "3", "4"):
        await bot.writer.post(bot.place, part(), text)
    assert len(record.typing) <= count + 1  # one may have been on its way


@pytest.mark.parametrize("fault", [Refuse(502), Refuse(429, retry_after=0.01)])
async def test_typing_goes_on_after_a_fault_that_passes(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, fault: Refuse
) -> None:
    hurry_typing(monkeypatch)
    bot.server.faults.add(fault, "POST", "/channels/*/typing")
    await bot.writer.signal(bot.place, Status.THINKING)
    await bot.server.record.until(lambda: bot.server.record.typing)


async def test_typing_that_was_refused_begins_anew_with_the_next_sign_of_thought(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry_typing(monkeypatch)
    record = bot.server.record
    bot.server.faults.add(Refuse(403, 50013), "POST", "/channels/*/typing")
    await bot.writer.signal(bot.place, Status.THINKING)
    await record.until(lambda: any(call.status == 403 for call in record.calls))
    async with asyncio.timeout(PATIENCE_S):
        while not record.typing:
            await bot.writer.signal(bot.place, Status.THINKING)
            await asyncio.sleep(0)


async def test_a_question_that_waits_its_turn_shows_no_typing(bot: Bot) -> None:
    await bot.writer.signal(bot.place, Status.QUEUED)
    await bot.writer.post(bot.place, part(), "key")
    assert bot.server.record.typing == []


async def test_typing_ends_with_a_run_that_shows_nothing(bot: Bot) -> None:
    await bot.writer.signal(bot.place, Status.THINKING)
    await bot.writer.signal(bot.place, Status.IDLE)
    assert bot.server.record.shown() == []


async def test_a_channel_has_one_indicator_however_many_questions_wait_in_it() -> None:
    limits = Limits(typing_seconds=0.2)
    async with discord_server(limits=limits) as server, process(server) as bot:
        places = [replace(bot.place, thread=f"reply:{number}") for number in range(3)]
        for place in places:
            await bot.writer.signal(place, Status.THINKING)
        await server.record.until(lambda: server.record.typing)
        for place in places[:2]:
            await bot.writer.signal(place, Status.IDLE)
        await bot.writer.signal(places[0], Status.THINKING)
        await still(lambda: len(server.record.calls), turns=5)
        assert len(server.record.typing) == 1
        assert server.record.rate_limited == []


async def test_typing_is_shown_again_only_when_its_bucket_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry_typing(monkeypatch)
    limits = Limits(typing_seconds=0.1)
    async with discord_server(limits=limits) as server, process(server) as bot:
        await bot.writer.signal(bot.place, Status.THINKING)
        await server.record.until(lambda: len(server.record.typing) >= 3)
        assert server.record.rate_limited == []


async def test_typing_that_ends_and_begins_again_keeps_to_its_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pings, "_APART_S", 0.15)
    limits = Limits(typing_seconds=0.1)
    async with discord_server(limits=limits) as server, process(server) as bot:
        for _ in range(3):
            await bot.writer.signal(bot.place, Status.THINKING)
            await asyncio.sleep(0.02)
            await bot.writer.signal(bot.place, Status.IDLE)
        await bot.writer.signal(bot.place, Status.THINKING)
        await server.record.until(lambda: len(server.record.typing) >= 2)
        assert server.record.rate_limited == []


# Pings.


async def test_the_asker_is_pinged_once_when_an_answer_took_long(server: DiscordServer) -> None:
    async with process(server, ping_after_seconds=0.01) as bot:
        asked = bot.asks()
        shown = await bot.writer.post(asked.place, part(about=asked, controls=STOP), "key")
        await asyncio.sleep(0.02)
        for text in ("Hello!", "Hello!!"):
            await bot.writer.edit(shown.ref, part(text, about=asked, last=True))
        await server.record.until(lambda: len(server.record.shown()) == 2)
        alice = server.people.alice.id
    assert [ping for _, ping in server.record.pinged()] == [f"user:{alice}"]


async def test_nobody_is_pinged_for_a_quick_answer(server: DiscordServer) -> None:
    async with process(server, ping_after_seconds=60) as bot:
        asked = bot.asks()
        await bot.writer.post(asked.place, part(about=asked, last=True), "key")
    assert server.record.shown() == ["Hello"]


async def test_an_id_tells_when_a_message_was_posted(bot: Bot) -> None:
    before = time.time()
    asked = bot.asks()
    assert before - 1 <= snowflakes.seconds(asked.id) <= time.time() + 1
    assert int(snowflakes.at(before - 2)) < int(asked.id) < int(snowflakes.at(before + 2))


async def test_direct_messages_are_written_in_their_channel(bot: Bot) -> None:
    people = bot.server.people
    asked = people.dm("Hi")
    channel = bot.server.record.history[asked].channel_id
    place = Place("discord", DM, channel)
    await bot.writer.post(place, part(about=MessageRef(place, asked)), "key")
    assert bot.server.record.shown(channel) == ["Hello"]

"""Settings of a channel, by the slash command: seen by all, changed by admins, heeded at once."""

from __future__ import annotations

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from bot.runs import Maker
from bot.scopes import Offered, Scopes, made_lines
from bot.store import Store, memory_store
from tests.doubles.slack import ALICE, BOB, GENERAL, Slack
from tests.doubles.slack_way import Way, now_us, slack_way
from tests.doubles.waiting import until
from tests.unit.scopes.test_making import Shelf

pytestmark = pytest.mark.real_time


def whispered(slack: Slack) -> list[str]:
    """What was said to one person alone."""
    calls = [call for call in slack.calls if call.method == "chat.postEphemeral"]
    return [str(call.args) for call in calls]


async def told(slack: Slack, text: str, words: str, user: str = ALICE) -> str:
    """Gives a command, and returns what its person is told."""
    before = len(whispered(slack))
    slack.command(text, user=user)
    await until(lambda: any(words in one for one in whispered(slack)[before:]))
    return whispered(slack)[-1]


async def answered(way: Way, count: int) -> tuple[str, dict[str, tuple[str, str]]]:
    """What the newest of so many runs said, and what it was made with."""
    row = (await way.rows(count))[-1]
    assert row.end is not None
    made = {name: (value, source) for name, value, source in made_lines(row.start.made_with)}
    return row.end.generated_text, made


async def test_an_admin_sets_a_model_for_a_channel_and_it_holds_there_alone(slack: Slack) -> None:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("fast", "deep")))

    def maker(_: Store) -> Maker:
        return Maker(scopes, Shelf("fast", "deep"), now_us)

    intake = IntakeOptions(scopes=scopes, admins=frozenset({Named(ALICE)}))
    async with slack_way(slack, ["Usual."], store=store, intake=intake, maker=maker) as way:
        await told(slack, "settings", "Nothing is set for this place", BOB)
        await told(slack, "settings model=deep", "Only", BOB)
        await told(slack, "settings model=dep", "Did you mean deep?")
        await told(slack, "settings model=deep persona=Lawyer prompt=Be exact, x=1.", "Changed for")
        await until(lambda: any("changed what I answer with here" in text for text in way.shown))
        holds = await told(slack, "settings", "What holds here", BOB)
        assert "deep" in holds
        slack.say(f"{slack.mention} Who?")
        text, made = await answered(way, 1)
        assert text == "I am deep."
        assert made["model"][1].endswith(GENERAL)
        slack.say("Who?", channel=slack.dm())
        assert (await answered(way, 2))[0] == "Usual."
        await told(slack, "settings unset model", "Changed for")
        await told(slack, "pause", "Paused")
        slack.say(f"{slack.mention} Who?", user=BOB)
        await until(lambda: any("paused in this channel" in one for one in whispered(slack)))
        await told(slack, "resume", "I answer there again")
        log = await store.scopes.log()
        assert {change.by and change.by.rpartition("/")[2] for change in log} == {ALICE}
        stored = [change.after for change in log if change.name == "persona"]
        assert stored == [{"name": "Lawyer", "prompt": "Be exact, x=1."}]


@pytest.mark.parametrize(
    "text", ["settings of my router?", "pause the music", "settings model deep", "resume writing"]
)
async def test_what_is_no_command_is_a_question(slack: Slack, text: str) -> None:
    async with slack_way(slack, ["An answer."]) as way:
        slack.command(text)
        assert (await answered(way, 1))[0] == "An answer."

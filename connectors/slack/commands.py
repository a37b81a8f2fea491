"""What people ask otherwise than by a message: the slash command, the message shortcut, and
Slack's own place for assistants.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from slack_bolt.response import BoltResponse

from connectors.background import BackgroundTasks
from connectors.base import Asked, Commanded, MessageRef, Order, Person, Place
from connectors.markdown import quoted
from connectors.newest import Newest
from connectors.slack.api import Api
from connectors.slack.configuring import configured
from connectors.slack.content import content_of, mentioned, plain
from connectors.slack.dialect import in_text
from connectors.slack.handover import Names, SlackHandover, ephemeral, form_error, taken
from connectors.slack.options import SlackOptions
from connectors.slack.people import is_dm
from connectors.slack.questions import (
    ADMITTED_S,
    NOT_KEPT,
    Anchors,
    CommandQuestion,
    actor,
    team_of,
)
from connectors.slack.sessions import AgentSessions
from connectors.slack.settings_modal import SettingsModal
from connectors.words import Sentence, Wording

_AGAIN = re.compile(r"retry\s+(\S{1,64})", re.IGNORECASE)
"""The last question once more, and the model that it is asked of."""
_WORD = re.compile(r"[^\W_]+")
_MEANT: Mapping[Literal["help", "new", "stop"], frozenset[str]] = {
    "stop": frozenset(
        ["all", "answer", "answering", "everything", "it", "now", "please", "that", "the", "this"]
    ),
    "new": frozenset(["a", "chat", "conversation", "please", "start", "thread", "topic"]),
    "help": frozenset(["me", "please"]),
}
"""Each command with the words that may stand beside it: people are polite to bots, too."""
NOT_NOW = Sentence("told.not_now")


class Commands:
    """Answers the slash command; what it says is seen by the person alone."""

    def __init__(
        self, anchors: Anchors, handover: SlackHandover, names: Names, settings: SettingsModal
    ) -> None:
        self._settings = settings
        self._anchors = anchors
        self._handover = handover
        self._names = names

    async def answer(self, body: Mapping[str, Any]) -> BoltResponse:
        """What a command's payload is answered with, once its effect is safe."""
        text, command = body.get("text", "").strip(), body["command"]
        # Their language is asked for with their name.
        await self._names.names(body["team_id"], {body["user_id"]})
        match meant(text):
            case "help":
                return self._told(body, Sentence("told.help.slack", {"command": command}))
            case "new":
                return await self._forget(body)
            case "stop":
                return await self._give(body, "stop", Sentence("told.stopped"))
        match " ".join(text.casefold().split()):
            case "tools off" | "tools on" as switch:
                return await self._give(body, switch, None)  # the bot itself says how it is now
        if (again := _AGAIN.fullmatch(text)) is not None:
            return await self._give(body, "retry", None, again[1])
        return await self._otherwise(body, text)

    async def _otherwise(self, body: Mapping[str, Any], text: str) -> BoltResponse:
        """What is about the settings, or a question."""
        ref = MessageRef(Place("slack", body["team_id"], body["channel_id"]), body["trigger_id"])
        if (wanted := configured(text, ref, _person(body))) is not None:
            return await self._settings.wanted(wanted)
        first, *rest = text.split(maxsplit=1)
        if first.casefold() != "ask":
            return await self._ask(body, text)
        if not rest:
            return self._told(body, Sentence("told.ask_something", {"command": body["command"]}))
        return await self._ask(body, rest[0])

    def _told(self, body: Mapping[str, Any], said: Sentence) -> BoltResponse:
        return ephemeral(self._handover.to(body["team_id"], _person(body), said))

    async def _forget(self, body: Mapping[str, Any]) -> BoltResponse:
        if not is_dm(body["channel_id"]):
            return self._told(body, Sentence("told.memory.slack"))
        return await self._give(body, "new", None)

    async def _give(
        self, body: Mapping[str, Any], command: Order, told: Sentence | None, model: str = ""
    ) -> BoltResponse:
        place = Place("slack", body["team_id"], body["channel_id"])
        event = Commanded(MessageRef(place, body["trigger_id"]), _person(body), command, model)
        incoming = self._handover.put(event)
        if not await incoming.kept():
            return self._told(body, NOT_NOW)
        return taken() if told is None or incoming.declined else self._told(body, told)

    async def _ask(self, body: Mapping[str, Any], text: str) -> BoltResponse:
        team, person = body["team_id"], _person(body)
        names = await self._names.names(team, {person.id, *mentioned(text)})
        name = names.get(person.id, person.id)
        asker = person if name == person.id else replace(person, name=name)
        question = plain(text, names)
        problem = await self._anchors.ask(
            CommandQuestion(team, body["channel_id"], "", asker, team, question, question)
        )
        return ephemeral(problem) if problem else taken()


def meant(text: str) -> Literal["help", "new", "stop"] | None:
    """The command that a text gives, if all of its words belong to one; None for a question."""
    words = frozenset(_WORD.findall(text.casefold()))
    if not words:
        return "help" if not text.strip("?! ") else None
    commands = (each for each, more in _MEANT.items() if each in words and words <= {each, *more})
    return next(commands, None)


def _person(body: Mapping[str, Any]) -> Person:
    realm = body.get("enterprise_id") or body["team_id"]
    return Person(body["user_id"], body.get("user_name") or body["user_id"], realm=realm)


# The message shortcut: a question about a message, asked in a modal and answered in its thread.


ASK_ABOUT = "everytoken_ask_about"
"""The callback_id of the shortcut in the app's manifest."""
MODAL = "everytoken_question"
FIELD = "question"
"""Block and action of the modal's one input."""

_SENT_REMEMBERED = 1_000
_MOST = 3_000
"""Slack's limit, in characters, for an input and for what a modal remembers."""


@dataclass(frozen=True, slots=True)
class _About:
    """The message that a modal asks about; `quote` is the beginning of its text."""

    team: str
    channel: str
    thread: str
    quote: str

    def packed(self) -> str:
        """As the modal remembers it."""
        quote = self.quote
        while len(packed := self._json(quote)) > _MOST:
            quote = quote[: len(quote) - (len(packed) - _MOST) // 2 - 1]
        return packed

    def _json(self, quote: str) -> str:
        mark = "" if quote == self.quote else "…"
        values = [self.team, self.channel, self.thread, quote + mark]
        return json.dumps(values, ensure_ascii=False)


class Shortcuts:
    """Opens the modal, and asks what was written into it."""

    def __init__(
        self,
        api: Api,
        anchors: Anchors,
        handover: SlackHandover,
        errands: BackgroundTasks,
        names: Names,
    ) -> None:
        self._api = api
        self._handover = handover
        self._anchors = anchors
        self._errands = errands
        self._names = names
        self._sent: Newest[tuple[str, str], asyncio.Task[Wording | None]] = Newest(_SENT_REMEMBERED)
        """What each modal asked: by the modal's id and its words."""

    async def chosen(self, body: Mapping[str, Any]) -> BoltResponse:
        """Somebody chose a shortcut; the modal opens while Slack is answered."""
        if body.get("callback_id") == ASK_ABOUT:
            message = body["message"]
            thread = message.get("thread_ts") or message["ts"]
            channel = body["channel"]["id"]
            about = _About(team_of(body), channel, thread, content_of(message))
            if not await self._may(about, body):
                return taken()
            view = {"trigger_id": body["trigger_id"], "view": self._view(about, body)}
            self._errands.run(self._api.call(about.team, "views.open", **view))
        return taken()

    async def _may(self, about: _About, body: Mapping[str, Any]) -> bool:
        """Whether somebody may ask; if not, no modal opens, and they may be told why."""
        place = Place("slack", about.team, about.channel, about.thread)
        who = actor(body, about.team)
        verdict = await self._handover.admits(place, who, within=ADMITTED_S)
        told = self._handover.to(about.team, who, NOT_KEPT) if verdict.unsure else verdict.told
        if not verdict.admitted and told is not None:
            where = {"channel": about.channel, "thread_ts": about.thread, "user": who.id}
            text = in_text(told.text)
            self._errands.run(self._api.call(about.team, "chat.postEphemeral", **where, text=text))
        return verdict.admitted

    async def sent(self, body: Mapping[str, Any]) -> BoltResponse:
        """Somebody sent a modal off."""
        view = body["view"]
        if view.get("callback_id") != MODAL:
            return taken()
        about = _About(*json.loads(view["private_metadata"]))
        question = (view["state"]["values"][FIELD][FIELD].get("value") or "").strip()
        problem = await self._once(view.get("id", ""), about, question, body)
        return form_error(FIELD, problem) if problem else taken()

    async def _once(
        self, view: str, about: _About, question: str, body: Mapping[str, Any]
    ) -> Wording | None:
        """Asks what was written into a modal, once: Slack, or a finger, may send it off twice."""
        key = view, question
        if key not in self._sent:
            self._sent[key] = self._errands.run(self._ask(about, question, body))
        try:
            problem = await asyncio.shield(self._sent[key])
        except BaseException:
            self._sent.pop(key, None)
            raise
        if problem:  # it can be sent again
            self._sent.pop(key, None)
        return problem

    async def _ask(self, about: _About, question: str, body: Mapping[str, Any]) -> Wording | None:
        who = actor(body, about.team)
        people = {who.id, *mentioned(about.quote)}
        names = await self._names.names(about.team, people)
        name = names.get(who.id, who.id)
        asker = who if name == who.id else replace(who, name=name)
        quote = quoted(plain(about.quote, names))
        text = f"{quote}\n\n{question}" if quote else question
        home = body["user"].get("team_id") or about.team
        return await self._anchors.ask(
            CommandQuestion(about.team, about.channel, about.thread, asker, home, text, question)
        )

    def _view(self, about: _About, body: Mapping[str, Any]) -> Mapping[str, Any]:
        field = {
            "type": "plain_text_input",
            "action_id": FIELD,
            "multiline": True,
            "max_length": _MOST,
            "focus_on_load": True,
        }
        who = actor(body, about.team)

        def words(id_: str) -> Mapping[str, Any]:
            said = self._handover.to(about.team, who, Sentence(id_))
            return {"type": "plain_text", "text": said.text}

        label = words("ask.question")
        return {
            "type": "modal",
            "callback_id": MODAL,
            "private_metadata": about.packed(),
            "title": words("ask.about"),
            "submit": words("ask.send"),
            "close": words("ask.cancel"),
            "blocks": [{"type": "input", "block_id": FIELD, "label": label, "element": field}],
        }


# Slack's own place for assistants and agents: a greeting, questions to choose from, titles.


_MOST_PROMPTS = 4
_STARTED_REMEMBERED = 10_000
_TITLE = 60
"""Characters of a question that name its thread in Slack's list."""


class Assistant:
    """Courtesies: nobody waits for them, and an app that is no assistant does without."""

    def __init__(
        self,
        api: Api,
        options: SlackOptions,
        handover: SlackHandover,
        errands: BackgroundTasks,
        sessions: AgentSessions,
        names: Names,
    ) -> None:
        self._api = api
        self._names = names
        self._sessions = sessions
        self._options = options
        self._handover = handover
        self._errands = errands
        self._started: Newest[tuple[str, str], None] = Newest(_STARTED_REMEMBERED)

    def started(self, team: str, realm: str, event: Mapping[str, Any]) -> None:
        """Somebody opened a new thread with the assistant."""
        thread = event["assistant_thread"]
        person = Person(str(thread.get("user_id") or ""), realm=realm)
        channel, ts = thread["channel_id"], thread["thread_ts"]
        self._started[channel, ts] = None
        self._errands.run(self._welcome(Place("slack", team, channel, ts), person))

    def opened(self, team: str, realm: str, event: Mapping[str, Any]) -> None:
        """Somebody opened the messages with the agent: there are no threads to start there."""
        if event.get("tab") == "messages" and self._options.prompts:
            person = Person(str(event.get("user") or ""), realm=realm)
            self._errands.run(self._offer(Place("slack", team, event["channel"]), person))

    def asked(self, asked: Asked) -> None:
        """A question came: where it is a thread's first, its first words become the title."""
        place = asked.message.place
        if not is_dm(place.channel) or not place.thread:
            return
        started = (place.channel, place.thread)
        if started in self._started or place.thread == asked.message.id:
            self._started.pop(started, None)
            if title := _title(asked.text):
                self._errands.run(self._sessions.rename(place, title))

    def stopped(self, commanded: Commanded) -> None:
        """Slack's own Stop was pressed: its session does not end by itself."""
        self._sessions.end(commanded.message.place)

    async def _offer(self, place: Place, person: Person) -> None:
        if (await self._handover.admits(place, person, spends=False)).admitted:
            await self._suggest(place.workspace, place.channel, None)

    async def _welcome(self, place: Place, person: Person) -> None:
        if not (await self._handover.admits(place, person, spends=False)).admitted:
            return
        team, channel, ts = place.workspace, place.channel, place.thread
        await self._names.names(team, {person.id})
        if self._options.prompts:
            await self._suggest(team, channel, ts)
        if greeting := self._greeting(team, person):
            where = {"channel": channel, "thread_ts": ts}
            await self._api.call(team, "chat.postMessage", **where, text=greeting)

    def _greeting(self, team: str, person: Person) -> str:
        own = self._options.greeting
        said = self._handover.to(team, person, Sentence("greeting")).text if own is None else own
        return in_text(said)

    async def _suggest(self, team: str, channel: str, thread: str | None) -> None:
        prompts = self._options.prompts[:_MOST_PROMPTS]
        offered = [{"title": each.title, "message": each.message} for each in prompts]
        where = {"channel_id": channel, "thread_ts": thread}
        await self._api.call(
            team, "assistant.threads.setSuggestedPrompts", **where, prompts=offered
        )


def _title(text: str) -> str:
    """The first words, whole ones where that goes."""
    words = " ".join(text[: 4 * _TITLE].split())
    if len(words) <= _TITLE:
        return words
    cut = words[: _TITLE - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"

"""The message shortcut: a question about a message, asked in a modal and answered in its thread."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.response import BoltResponse

from connectors.base import Place
from connectors.errands import Errands
from connectors.slack.api import Api
from connectors.slack.content import content_of
from connectors.slack.dialect import in_text
from connectors.slack.inbound.anchors import (
    ADMITTED_S,
    NOT_KEPT,
    Anchors,
    Asking,
    Names,
)
from connectors.slack.inbound.handover import Handover
from connectors.slack.inbound.mapping import actor, team_of
from connectors.slack.inbound.responses import form_error, taken
from connectors.slack.text import mentioned, plain, quoted

ASK_ABOUT = "everytoken_ask_about"
"""The callback_id of the shortcut in the app's manifest."""
MODAL = "everytoken_question"
FIELD = "question"
"""Block and action of the modal's one input."""

_REMEMBERED = 1_000
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
        self, api: Api, anchors: Anchors, handover: Handover, errands: Errands, names: Names
    ) -> None:
        self._api = api
        self._handover = handover
        self._anchors = anchors
        self._errands = errands
        self._names = names
        self._sent: OrderedDict[tuple[str, str], asyncio.Task[str]] = OrderedDict()
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
            view = {"trigger_id": body["trigger_id"], "view": _view(about)}
            self._errands.run(self._api.call(about.team, "views.open", **view))
        return taken()

    async def _may(self, about: _About, body: Mapping[str, Any]) -> bool:
        """Whether somebody may ask; if not, no modal opens, and they may be told why."""
        place = Place("slack", about.team, about.channel, about.thread)
        who = actor(body, about.team)
        verdict = await self._handover.admits(place, who, within=ADMITTED_S)
        if not verdict.admitted and (told := NOT_KEPT if verdict.told is None else verdict.told):
            where = {"channel": about.channel, "thread_ts": about.thread, "user": who.id}
            told = in_text(told)
            self._errands.run(self._api.call(about.team, "chat.postEphemeral", **where, text=told))
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

    async def _once(self, view: str, about: _About, question: str, body: Mapping[str, Any]) -> str:
        """Asks what was written into a modal, once: Slack, or a finger, may send it off twice."""
        key = view, question
        if key not in self._sent:
            self._sent[key] = self._errands.run(self._ask(about, question, body))
            if len(self._sent) > _REMEMBERED:
                self._sent.popitem(last=False)
        try:
            problem = await asyncio.shield(self._sent[key])
        except BaseException:
            self._sent.pop(key, None)
            raise
        if problem:  # it can be sent again
            self._sent.pop(key, None)
        return problem

    async def _ask(self, about: _About, question: str, body: Mapping[str, Any]) -> str:
        who = actor(body, about.team)
        people = {who.id, *mentioned(about.quote)}
        names = await self._names.names(about.team, people)
        name = names.get(who.id, who.id)
        asker = who if name == who.id else replace(who, name=name)
        quote = quoted(plain(about.quote, names))
        text = f"{quote}\n\n{question}" if quote else question
        home = body["user"].get("team_id") or about.team
        return await self._anchors.ask(
            Asking(about.team, about.channel, about.thread, asker, home, text, question)
        )


def _view(about: _About) -> Mapping[str, Any]:
    field = {
        "type": "plain_text_input",
        "action_id": FIELD,
        "multiline": True,
        "max_length": _MOST,
        "focus_on_load": True,
    }
    return {
        "type": "modal",
        "callback_id": MODAL,
        "private_metadata": about.packed(),
        "title": _words("Ask about this message"),
        "submit": _words("Ask"),
        "close": _words("Cancel"),
        "blocks": [
            {"type": "input", "block_id": FIELD, "label": _words("Your question"), "element": field}
        ],
    }


def _words(text: str) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": text}

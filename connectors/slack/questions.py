"""What Slack sends, as events of the bot's; a question that is no message yet is posted in the
asker's name and answered below.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from connectors.background import BackgroundTasks
from connectors.base import (
    Asked,
    Commanded,
    ConnectorError,
    Deleted,
    Edited,
    File,
    MessageRef,
    Person,
    Place,
    Pressed,
    Unavailable,
)
from connectors.slack import history
from connectors.slack.api import Api, BotIdentity
from connectors.slack.content import (
    QUESTION,
    calls_a_group,
    content_of,
    emoji_of,
    files_of,
    is_ours,
    is_speech,
    mentioned,
    plain,
)
from connectors.slack.dialect import in_text
from connectors.slack.handover import SlackHandover
from connectors.slack.parts import control_of
from connectors.slack.people import is_dm, name_in, ref_of
from connectors.words import Sentence, Wording

# What Slack sends, as events of the bot's; pure. What concerns nobody is None.
#
# A payload of another shape than Slack's raises `KeyError`, `TypeError` and their like.


Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventContext:
    """Where an event happened: in which workspace, and who the bot is there."""

    team: str
    us: BotIdentity
    threads_in_dms: bool
    enterprise: str = ""
    """The organisation of the workspace, where it has one."""
    shared: bool = True
    """Whether another organisation may be in the channel."""
    organisations: Mapping[str, str] = field(default_factory=dict)
    """The organisations of other workspaces, as far as the payload tells."""

    def ref(self, channel: str, message: Json) -> MessageRef:
        """A message, in the conversation that it belongs to."""
        ts, thread = _string(message, "ts"), _string(message, "thread_ts")
        if not ts or not channel:
            raise KeyError("a message without a channel or a time")
        return ref_of(self.team, channel, ts, thread, threads_in_dms=self.threads_in_dms)

    def realm(self, team: str) -> str:
        """Where an id of somebody of this workspace is unique: their organisation or workspace."""
        if self.external(team):
            return self.organisations.get(team, team)
        return self.enterprise or self.team

    def external(self, team: str) -> bool:
        """Whether somebody of this workspace belongs to another organisation."""
        at_home = team in {"", self.team, self.enterprise}
        return not at_home and (self.shared or not self.enterprise)


@dataclass(frozen=True, slots=True)
class SlackWords:
    """What a person said, in Slack's form: their name and those in the text are not known yet."""

    message: MessageRef
    user: str
    name: str
    """Empty where Slack did not say it with the message."""
    team: str
    external: bool
    realm: str
    text: str
    emoji: Mapping[str, str]
    files: tuple[File, ...]
    us: BotIdentity
    addressed: bool = True
    version: str = ""
    """Of a change; empty for a new message."""

    @property
    def people(self) -> frozenset[str]:
        """The ids of those whose names it takes, and of who said it: Slack tells their language."""
        return (mentioned(self.text) | {self.user}) - {self.us.user}

    def event(self, names: Mapping[str, str]) -> Asked | Edited:
        """The event, with the names that are known and ids for the others."""
        name = self.name or names.get(self.user) or self.user
        person = Person(self.user, name, self.external, self.realm)
        text = plain(self.text, names, self.emoji, without=self.us.user)
        if self.version:
            return Edited(self.message, person, text, self.version, self.files)
        return Asked(self.message, person, text, self.files, self.addressed)


def team_of(body: Json) -> str:
    """The workspace that a payload is for: that of the installation which receives it."""
    for granted in body.get("authorizations") or ():
        if granted.get("team_id"):
            return _string(granted, "team_id")
    # In channels that are shared the message under a button tells more than the one who pressed.
    ours = _string(body.get("message") or {}, "team")
    theirs = _string(body.get("team") or {}, "id")
    return ours if ours.startswith("T") else theirs or _string(body, "team_id")


def home_of(body: Json) -> str:
    """The realm of the people of the workspace that receives an event."""
    return _organisation_of(body) or team_of(body)


def _organisation_of(body: Json) -> str:
    enterprises = [each.get("enterprise_id") for each in body.get("authorizations") or ()]
    return next(filter(None, enterprises), "")


def setting_of(body: Json, us: BotIdentity, *, threads_in_dms: bool) -> EventContext:
    """Where an event of the Events API happened."""
    # An event of a stranger's tells at its head where they are; their mention names it alone.
    team, organisation = _string(body, "team_id"), _string(body, "enterprise_id")
    return EventContext(
        team_of(body),
        us,
        threads_in_dms,
        _organisation_of(body),
        bool(body.get("is_ext_shared_channel", True)),
        {team: organisation} if organisation else {},
    )


def heard(event: Json, at: EventContext) -> SlackWords | Deleted | Commanded | None:
    """What an event of the Events API means for the bot."""
    match event.get("type"), event.get("subtype"):
        case "app_mention", _:
            return _said(event, at)
        case "message", "message_changed":
            return _changed(event, at)
        case "message", "message_deleted":
            return _deleted(event, at)
        case "message", _:
            return _said(event, at)
        case "agent_session_stopped", _:
            return _stopped(event, at)
        case _:
            return None


def pressed(body: Json, *, threads_in_dms: bool) -> Pressed | None:
    """What a press of one of our buttons means; None for another's."""
    action = body["actions"][0]
    control = control_of(_string(action, "action_id"))
    if control is None:
        return None
    team, container = team_of(body), body["container"]
    message = {
        "ts": container["message_ts"],
        "thread_ts": container.get("thread_ts") or (body.get("message") or {}).get("thread_ts"),
    }
    at = EventContext(team, BotIdentity(team, "", "", ""), threads_in_dms)
    channel = _string(container, "channel_id")
    person = actor(body, team)
    return Pressed(at.ref(channel, message), person, control, UUID(action["value"]))


def actor(body: Json, team: str) -> Person:
    """The person who acts in an interaction that a workspace's installation receives."""
    user, theirs = body["user"], body.get("team") or {}
    home = _string(user, "team_id") or team
    # Of an organisation with several workspaces the payload tells where it is the person's own.
    organisation = _string(theirs, "enterprise_id") if _string(theirs, "id") == home else ""
    if home == team:
        organisation = organisation or _string(body.get("enterprise") or {}, "id")
    name = _string(user, "name") or _string(user, "username")
    return Person(_string(user, "id"), name, home != team, organisation or home)


def _said(event: Json, at: EventContext) -> SlackWords | None:
    channel = _string(event, "channel")
    addressed = event["type"] == "app_mention" or _addressed(event, channel, at)
    if addressed is None or not _by_person(event, at):
        return None
    return _words(event, channel, at, addressed=addressed)


def _changed(event: Json, at: EventContext) -> SlackWords | Deleted | None:
    message, before = event["message"], event.get("previous_message") or {}
    channel = _string(event, "channel")
    if message.get("subtype") == "tombstone":
        return _gone({**before, **_only(message, "ts", "thread_ts")}, channel, at)
    # Slack tells of previews, reply counts and the like in the same way.
    if not message.get("edited") or message.get("text") == before.get("text"):
        return None
    wanted = [_addressed(each, channel, at) for each in (message, before)]
    if wanted == [None, None] or not _by_person(message, at):
        return None
    # `edited` counts seconds, and people change their words twice in one.
    version = _string(event, "event_ts")
    return _words(message, channel, at, version=version)


def _deleted(event: Json, at: EventContext) -> Deleted | None:
    before = {**(event.get("previous_message") or {}), "ts": _string(event, "deleted_ts")}
    return _gone(before, _string(event, "channel"), at)


def _gone(message: Json, channel: str, at: EventContext) -> Deleted | None:
    """A message that was deleted, if it may have been a question or a part of an answer."""
    asked = _by_person(message, at) and _addressed(message, channel, at) is not None
    unknown = "user" not in message
    if asked or unknown or is_ours(message, at.us):
        return Deleted(at.ref(channel, message))
    return None


def _stopped(event: Json, at: EventContext) -> Commanded:
    """Slack's own button to stop an agent."""
    thread = _string(event, "thread_ts")
    message = {"ts": thread or _string(event, "event_ts"), "thread_ts": thread}
    place = at.ref(_string(event, "channel"), message).place
    user, team = _string(event, "user"), _first(event, "user_team", "team")
    person = Person(user, user, at.external(team), at.realm(team))
    return Commanded(MessageRef(place, _string(event, "event_ts")), person, "stop")


def _words(
    message: Json, channel: str, at: EventContext, *, addressed: bool = True, version: str = ""
) -> SlackWords:
    team = _first(message, "user_team", "source_team", "team")
    return SlackWords(
        message=at.ref(channel, message),
        user=_string(message, "user"),
        name=name_in(message.get("user_profile") or {}),
        team=team or at.team,
        external=at.external(team),
        realm=at.realm(team),
        text=content_of(message),
        emoji=emoji_of(message.get("blocks")),
        files=files_of(at.team, message),
        us=at.us,
        addressed=addressed,
        version=version,
    )


def _addressed(message: Json, channel: str, at: EventContext) -> bool | None:
    """Whether a message speaks to the bot by name; None where it is no business of the bot's."""
    text = _string(message, "text")
    people = mentioned(text)
    if is_dm(channel) or at.us.user in people:
        return True
    thread = _string(message, "thread_ts")
    for_others = bool(people) or calls_a_group(text)
    return None if for_others or thread in {"", _string(message, "ts")} else False


def _by_person(message: Json, at: EventContext) -> bool:
    if not is_speech(message) or message.get("bot_id") or is_ours(message, at.us):
        return False
    return _string(message, "user") not in {"", "USLACKBOT"}


def _first(of: Json, *keys: str) -> str:
    return next((value for key in keys if (value := _string(of, key))), "")


def _only(of: Json, *keys: str) -> Json:
    return {key: of[key] for key in keys if key in of}


def _string(of: Json, key: str) -> str:
    value = of.get(key) or ""
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a string")
    return value


log = logging.getLogger(__name__)

SOON_S = 1.8
"""Slack wants its acknowledgement within three seconds."""
ADMITTED_S = 0.8
"""So much of that it may take to find out whether somebody may ask."""
_SKEW_S = 60.0
"""So far Slack's clock and ours may be apart."""
_SHOWN = 3_000
"""Characters of a question that its message shows; the bot gets all of it."""
NOT_KEPT = Sentence("told.not_kept")


@dataclass(frozen=True, slots=True)
class CommandQuestion:
    """A question, who asks it and where. `thread` is empty where it opens one of its own."""

    team: str
    channel: str
    thread: str
    person: Person
    home: str
    """The workspace that the person belongs to."""
    text: str
    shown: str
    """What its message shows of it."""


class Anchors:
    """Asks questions by way of messages of ours."""

    def __init__(
        self, api: Api, handover: SlackHandover, errands: BackgroundTasks, *, threads_in_dms: bool
    ) -> None:
        self._api = api
        self._handover = handover
        self._errands = errands
        self._threads_in_dms = threads_in_dms

    async def ask(self, asking: CommandQuestion) -> Wording | None:
        """What went wrong, in words for the asker; None where the question is on its way.

        Who may not ask is told so, or nothing, and nothing is posted in their name. What takes
        longer than Slack waits goes on; the asker is told of its failure later.
        """
        place = Place("slack", asking.team, asking.channel, asking.thread)
        verdict = await self._handover.admits(place, asking.person, within=ADMITTED_S)
        if not verdict.admitted:
            return self._to(asking, NOT_KEPT) if verdict.unsure else verdict.told
        task = self._errands.run(self._ask(asking))
        done, _ = await asyncio.wait({task}, timeout=SOON_S)
        if not done:
            self._errands.run(self._tell_later(task, asking))
            return None
        return task.result()

    async def _ask(self, asking: CommandQuestion) -> Wording | None:
        try:
            ts = await self._post(asking)
        except ConnectorError as error:
            log.warning("a question could not be posted: %s", error)
            return self._to(asking, Sentence("told.not_posted", {"why": str(error)}))
        ref = ref_of(
            asking.team,
            asking.channel,
            ts,
            asking.thread,
            threads_in_dms=self._threads_in_dms,
        )
        if await self._handover.give(Asked(ref, asking.person, asking.text), asking.home):
            return None
        await self._take_back(ref)
        return self._to(asking, NOT_KEPT)

    def _to(self, asking: CommandQuestion, said: Sentence) -> Wording:
        return self._handover.to(asking.team, asking.person, said, asking.text)

    async def _post(self, asking: CommandQuestion) -> str:
        message, since = self._message(asking), time.time()
        try:
            return str((await self._api.call(asking.team, "chat.postMessage", **message))["ts"])
        except Unavailable:
            # It may stand there all the same, and nobody would answer it.
            place = Place("slack", asking.team, asking.channel, asking.thread)
            for said in await history.own_since(self._api, place, since - _SKEW_S):
                if _id(said) == _id(message):
                    return str(said["ts"])
            raise

    def _message(self, asking: CommandQuestion) -> Mapping[str, Any]:
        shown = asking.shown if len(asking.shown) <= _SHOWN else f"{asking.shown[: _SHOWN - 1]}…"
        said = {"person": asking.person.id, "text": shown, "id": uuid4().hex}
        names = {"name": in_text(asking.person.name), "question": in_text(shown)}
        return {
            "channel": asking.channel,
            "thread_ts": asking.thread or None,
            "text": self._to(asking, Sentence("ask.asks", names)).text,
            "metadata": {"event_type": QUESTION, "event_payload": said},
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }

    async def _take_back(self, ref: MessageRef) -> None:
        """No message is to stand that looks as if its answer would come."""
        where = {"channel": ref.place.channel, "ts": ref.id}
        try:
            await self._api.call(ref.place.workspace, "chat.delete", **where)
        except ConnectorError as error:
            log.warning("a question that was not kept still stands: %s", error)

    async def _tell_later(
        self, task: asyncio.Task[Wording | None], asking: CommandQuestion
    ) -> None:
        problem = await task
        if problem is not None:
            whom = {"channel": asking.channel, "user": asking.person.id}
            where = whom | ({"thread_ts": asking.thread} if asking.thread else {})
            await self._api.call(
                asking.team, "chat.postEphemeral", **where, text=in_text(problem.text)
            )


def _id(message: Mapping[str, Any]) -> object:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return payload.get("id")

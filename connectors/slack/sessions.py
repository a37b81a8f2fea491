"""What Slack shows of the bot at work: an agent session's state, and words below a thread.

A session that is `processing` shows Slack's own Stop and does not end by itself, so every end of an
answer sets it `active`, however often that has to be tried. Older apps know no sessions, and newer
ones lose the free words (`assistant.threads.*` goes away in February 2027): what a workspace does
not take is remembered for it, and tried again after an hour.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Literal

from connectors.background import BackgroundTasks
from connectors.base import ConnectorError, Place, RateLimited, Refused, Status, Unavailable
from connectors.newest import Newest
from connectors.slack.api import Api
from connectors.slack.errors import code_of
from connectors.words import Language, Sentence

log = logging.getLogger(__name__)

State = Literal["active", "processing", "suspended"]

SET_STATUS, RENAME = "agents.sessions.setStatus", "agents.sessions.rename"
SET_WORDS, SET_TITLE = "assistant.threads.setStatus", "assistant.threads.setTitle"

_STATES: Mapping[Status, State] = {
    Status.THINKING: "processing",
    Status.WRITING: "processing",
    Status.WAITING: "suspended",
    Status.IDLE: "active",
}
"""Who waits in a queue has no session of its own yet."""
_WORDS = {
    Status.QUEUED: Sentence("status.queued"),
    Status.THINKING: Sentence("status.thinking"),
}
OF_THE_PLACE = frozenset(
    {
        "channel_not_found", "invalid_thread_ts", "is_archived", "is_inactive", "message_not_found",
        "not_in_channel", "thread_not_found",
    }
)  # fmt: skip
"""Refusals that say something of one thread and nothing of its workspace."""
_UNHEARD = "missing_agent_session_stopped_event_subscription"
_AGAIN_AFTER_S = 3600.0
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
_CLOSING_S = 0.8
_REMEMBERED = 10_000


class AgentSessions:
    """The sessions and status lines of all threads. Courtesies, except for the end of a session."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._errands = BackgroundTasks("slack")
        self._wanted: Newest[Place, State] = Newest(_REMEMBERED)
        self._setting: dict[Place, asyncio.Task[None]] = {}
        self._refused: dict[tuple[str, str], float] = {}
        self._unheard: set[str] = set()

    async def show(
        self, place: Place, status: Status, language: Language = Language.ENGLISH
    ) -> None:
        """Shows what the bot is doing in a thread; nothing is raised."""
        if not place.thread:
            return
        state = _STATES.get(status)
        setting = None if state is None else self._want(place, state)
        words = _WORDS.get(status)
        await self._say(place, words.to(language).text if words else "")
        if setting is not None:
            await asyncio.wait({setting})

    def end(self, place: Place) -> None:
        """Slack's own Stop was pressed, or nobody answers there any more."""
        if place.thread:
            self._want(place, "active")

    async def rename(self, place: Place, title: str) -> None:
        """Names a thread in Slack's list. Raises a `ConnectorError` where neither way is taken."""
        at = {"channel_id": place.channel, "thread_ts": place.thread, "title": title}
        for method in (RENAME, SET_TITLE):
            if not self._takes(place.workspace, method):
                continue
            try:
                await self._api.call(place.workspace, method, **at)
            except Refused as error:
                self._learn(place.workspace, method, error)
            else:
                return

    def at_the_end_of_a_stream(self, place: Place, *, last: bool) -> State | None:
        """The state that `chat.stopStream` sets with it; None where a workspace has no sessions."""
        known = self._takes(place.workspace, SET_STATUS) and place in self._wanted
        if not (known and last):
            return None
        return "suspended" if self._wanted.get(place) == "suspended" else "active"

    async def aclose(self) -> None:
        """Gives what is to be set a last moment."""
        if self._setting:
            await asyncio.wait(set(self._setting.values()), timeout=_CLOSING_S)
        await self._errands.aclose()

    # The session.

    def _want(self, place: Place, state: State) -> asyncio.Task[None] | None:
        """The newest state counts; None where Slack has it already."""
        before = self._wanted.get(place)
        self._wanted[place] = state
        setting = self._setting.get(place)
        if setting is not None and not setting.done():
            return setting
        if before == state or not self._takes(place.workspace, SET_STATUS):
            return None
        setting = self._setting[place] = self._errands.run(self._set(place))
        setting.add_done_callback(lambda task: self._forget(place, task))
        return setting

    def _forget(self, place: Place, task: asyncio.Task[None]) -> None:
        """A task that is done may have been followed by another before this is called."""
        if self._setting.get(place) is task:
            del self._setting[place]

    async def _set(self, place: Place) -> None:
        """Until Slack has the state that is wanted then."""
        told: State | None = None
        pauses = iter(_PAUSES_S)
        while (state := self._wanted.get(place)) is not None and state != told:
            try:
                await self._call(place, state)
            except Refused as error:
                self._learn(place.workspace, SET_STATUS, error)
                return
            except (RateLimited, Unavailable) as error:
                pause = next(pauses, None)
                if pause is None:
                    log.error("a session of Slack's may not be %s: %s", state, error)
                    self._wanted.pop(place, None)  # so that the same may be wanted again
                    return
                wait = error.retry_after if isinstance(error, RateLimited) else pause
                await asyncio.sleep(wait)
            else:
                told = state

    async def _call(self, place: Place, state: State) -> None:
        answer = await self._api.call(
            place.workspace,
            SET_STATUS,
            channel_id=place.channel,
            thread_ts=place.thread,
            status=state,
        )
        if _UNHEARD in _warnings(answer) and place.workspace not in self._unheard:
            self._unheard.add(place.workspace)
            log.warning(
                "Slack's own Stop does nothing in workspace %s: subscribe the app to the event "
                "agent_session_stopped (Event Subscriptions > Subscribe to bot events).",
                place.workspace,
            )

    # The words.

    async def _say(self, place: Place, words: str) -> None:
        if not self._takes(place.workspace, SET_WORDS):
            return
        at = {"channel_id": place.channel, "thread_ts": place.thread}
        try:
            await self._api.call(place.workspace, SET_WORDS, **at, status=words)
        except Refused as error:
            self._learn(place.workspace, SET_WORDS, error)
        except ConnectorError as error:
            log.debug("slack shows no status: %s", error)

    # What a workspace takes.

    def _takes(self, team: str, method: str) -> bool:
        return _now() >= self._refused.get((team, method), 0.0)

    def _learn(self, team: str, method: str, error: Refused) -> None:
        if code_of(error) not in OF_THE_PLACE:
            log.info("workspace %s does not take %s: %s", team, method, error)
            self._refused[team, method] = _now() + _AGAIN_AFTER_S


def _warnings(answer: Mapping[str, Any]) -> str:
    metadata = answer.get("response_metadata") or {}
    return f"{answer.get('warning', '')} {metadata.get('warnings', '')}"


def _now() -> float:
    return asyncio.get_running_loop().time()

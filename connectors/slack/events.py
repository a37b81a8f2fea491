"""Everything that Slack sends goes through here before bolt acknowledges it; a mention's two
events become one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from connectors.base import Asked, Commanded, ConnectorError, Event, Refused
from connectors.newest import Newest
from connectors.slack import content, questions
from connectors.slack.api import Api
from connectors.slack.commands import Assistant, Commands, Shortcuts
from connectors.slack.configuring import MODAL
from connectors.slack.handover import Names, SlackHandover, not_taken, taken
from connectors.slack.settings_modal import SettingsModal

PATIENCE_S = 0.5
"""The other event comes within some hundredths of a second, if Slack sends it to the bot at all."""
_REMEMBERED = 1_000
_NOT_YET = object()


class Twins:
    """Lets an `app_mention` without files wait for the `message` event of the same text.

    Both are one question, and the first that is taken counts. Where the other one does not come in
    time, the mention is taken as it is.
    """

    def __init__(self) -> None:
        self._came: Newest[tuple[str, str], asyncio.Event | None] = Newest(_REMEMBERED)
        """The newest texts, each with what its mention waits for; None once the other came."""

    async def awaited(self, event: Mapping[str, Any]) -> None:
        """Returns at once for all but a mention without files."""
        key = str(event.get("channel")), str(event.get("ts"))
        if event["type"] == "message":
            waited_for = self._came.get(key)
            self._came[key] = None
            if waited_for is not None:
                waited_for.set()
        elif not event.get("files") and self._came.get(key, _NOT_YET) is not None:
            await self._wait(key)

    async def _wait(self, key: tuple[str, str]) -> None:
        came = self._came.get(key) or asyncio.Event()
        self._came[key] = came
        try:
            await asyncio.wait_for(came.wait(), PATIENCE_S)
        except TimeoutError:
            if self._came.get(key) is came:
                del self._came[key]


# All that Slack sends goes through here, before bolt acknowledges it.


log = logging.getLogger(__name__)

Json = Mapping[str, Any]


class Installed(Protocol):
    """The workspaces that installed the app."""

    async def forget(self, team: str) -> None:
        """The app was taken out of a workspace."""
        ...


class SlackEvents(AsyncMiddleware):
    """Answers every request itself: what concerns nobody at once, the rest once it is safe.

    It stands before bolt's own look-up of tokens, and bolt has no listeners: an event costs
    neither a call of `auth.test` nor a walk over them.
    """

    def __init__(
        self,
        api: Api,
        handover: SlackHandover,
        names: Names,
        commands: Commands,
        settings: SettingsModal,
        shortcuts: Shortcuts,
        assistant: Assistant,
        installed: Installed | None,
        *,
        threads_in_dms: bool,
    ) -> None:
        self._api = api
        self._handover = handover
        self._names = names
        self._assistant = assistant
        self._installed = installed
        self._threads_in_dms = threads_in_dms
        self._submits = {MODAL: settings.sent}
        self._asks = shortcuts.sent
        self._twins = Twins()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By channel: held while one of its events is read, one after the other as they came."""
        self._kinds: Mapping[str, Callable[[Json], Awaitable[BoltResponse]]] = {
            "event_callback": self._event,
            "block_actions": self._pressed,
            "message_action": shortcuts.chosen,
            "view_submission": self._submitted,
            "": commands.answer,
        }

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - bolt passes it
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - bolt's name
    ) -> BoltResponse:
        """Bolt's way in; only its question for the address of the app is left to bolt."""
        if req.body.get("type") == "url_verification":
            return await next()
        return await self.answer(req.body)

    async def answer(self, body: Json) -> BoltResponse:
        """What Slack is told. Whatever the payload is, nothing is raised."""
        try:
            return await self._answer(body)
        except Refused as error:
            log.warning("an event of Slack's was dropped: %s", error)
        except ConnectorError as error:
            log.warning("an event of Slack's has to come again: %s", error)
            return not_taken()
        except Exception:
            # Sent again it would fail again.
            log.exception("an event of Slack's was not understood")
        return taken()

    async def _answer(self, body: Json) -> BoltResponse:
        kind = body.get("type") or ("" if "command" in body else "unknown")
        answer = self._kinds.get(kind)
        return taken() if answer is None else await answer(body)

    async def _event(self, body: Json) -> BoltResponse:
        event, team = body["event"], questions.team_of(body)
        match event["type"]:
            case "assistant_thread_started":
                self._assistant.started(team, questions.home_of(body), event)
            case "app_home_opened":
                self._assistant.opened(team, questions.home_of(body), event)
            case "app_uninstalled":
                await self._forget(team)
            case "tokens_revoked":
                if event["tokens"].get("bot"):
                    await self._forget(team)
            case "message" | "app_mention":
                await self._twins.awaited(event)
                return await self._heard(event, body)
            case "agent_session_stopped":
                return await self._heard(event, body)
        return taken()

    async def _heard(self, event: Json, body: Json) -> BoltResponse:
        # Names are asked for on the way: what was said first is to be heard first all the same.
        async with self._turns.setdefault(str(event.get("channel")), asyncio.Lock()):
            heard = await self._read(event, body)
            if heard is None:
                return taken()
            incoming = self._handover.put(*heard)
        if isinstance(incoming.event, Commanded):
            self._assistant.stopped(incoming.event)
        if not await incoming.kept():
            return not_taken()
        if isinstance(incoming.event, Asked) and not incoming.declined:
            self._assistant.asked(incoming.event)
        return taken()

    async def _read(self, event: Json, body: Json) -> tuple[Event, str] | None:
        """What an event means, and the workspace of the person who speaks in it."""
        us = await self._api.identity(questions.team_of(body))
        at = questions.setting_of(body, us, threads_in_dms=self._threads_in_dms)
        heard = questions.heard(event, at)
        if not isinstance(heard, questions.SlackWords):
            return None if heard is None else (heard, "")
        people = heard.people
        names = await self._names.names(at.team, people) if people else {}
        said = heard.event(names)
        if said.files:
            said = replace(said, files=await content.told(self._api, said.files))
        return said, heard.team

    async def _pressed(self, body: Json) -> BoltResponse:
        event = questions.pressed(body, threads_in_dms=self._threads_in_dms)
        kept = event is None or await self._handover.give(event)
        return taken() if kept else not_taken()

    async def _submitted(self, body: Json) -> BoltResponse:
        sent = self._submits.get(str(body["view"].get("callback_id")), self._asks)
        return await sent(body)

    async def _forget(self, team: str) -> None:
        self._api.forget(team)
        if self._installed is not None:
            await self._installed.forget(team)
        else:
            log.warning("the app was taken out of workspace %s: install it there again", team)

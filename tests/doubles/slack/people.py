"""People: what they say and do reaches the bot as Slack would tell it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.doubles.slack import mrkdwn, shapes, visible
from tests.doubles.slack.board import Board
from tests.doubles.slack.platform import Hook, StoredFile
from tests.doubles.slack.records import Delivery, Message
from tests.doubles.slack.workspaces import ALICE, GENERAL, Channel, User, Workspace


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody puts under their message."""

    name: str
    content: bytes
    media_type: str = "text/plain"
    withheld: bool = False
    """Another organisation shares it: events have its id alone, `files.info` the rest."""


@dataclass(frozen=True, slots=True)
class Acted:
    """Something that a person did: the message it is about, and the events that tell of it."""

    channel: str
    ts: str
    deliveries: Sequence[Delivery] = field(default=())

    async def settled(self) -> bool:
        """Whether the bot acknowledged every event at the first attempt."""
        return all(await asyncio.gather(*(each.settled() for each in self.deliveries)))

    async def acknowledged(self) -> bool:
        """Whether the bot acknowledged every event at last."""
        return all(await asyncio.gather(*(each.acknowledged() for each in self.deliveries)))

    @property
    def response(self) -> Any:
        """What the bot said with its acknowledgement: to a command or a submitted view."""
        return self.deliveries[0].response


class People:
    """Acts for the people of all workspaces. A channel tells its workspace."""

    board: Board

    def say(
        self,
        text: str,
        *,
        channel: str = GENERAL,
        user: str = ALICE,
        thread_ts: str = "",
        files: Sequence[Upload] = (),
        to_all: bool = False,
        mention_first: bool = False,
    ) -> Acted:
        """Somebody types a message, `<@…>` and the like for what they chose from a list.

        A mention of the bot outside of direct messages is told twice: as `message` and, with the
        same ts and another event_id, as `app_mention`, which never has the files; that comes as
        the first of the two with `mention_first`. With `to_all` every connection hears it.
        """
        workspace, place = self._home(channel)
        speaker = workspace.users[user]
        message = self.board.post(
            workspace,
            channel,
            user,
            self._typed(text),
            thread_ts=thread_ts,
            user_team=speaker.team if speaker.team != workspace.id else "",
            subtype="file_share" if files else "",
            files=tuple(self._uploaded(each, workspace, speaker) for each in files),
        )
        told = [self.board.events.posted]
        if f"<@{workspace.bot_user}>" in text and not place.user:
            told.insert(0 if mention_first else 1, self.board.events.mentioned)
        deliveries = [each for tell in told for each in tell(message, to_all=to_all)]
        return Acted(channel, message.ts, deliveries)

    def ask(self, text: str, *, channel: str = GENERAL, **more: Any) -> Acted:
        """Somebody mentions the bot and says something; in direct messages they only say it."""
        workspace, place = self._home(channel)
        mention = "" if place.user else f"<@{workspace.bot_user}> "
        return self.say(f"{mention}{text}", channel=channel, **more)

    def edit(self, ts: str, text: str, *, to_all: bool = False) -> Acted:
        """The author of a message changes it."""
        message = self._message(ts)
        deliveries = self.board.change(
            message, self._typed(text), edited_by=message.user, to_all=to_all
        )
        return Acted(message.channel, ts, deliveries)

    def delete(self, ts: str, *, to_all: bool = False) -> Acted:
        """Somebody deletes a message, be it their own or the bot's."""
        message = self._message(ts)
        return Acted(message.channel, ts, self.board.delete(message, to_all=to_all))

    def press(self, ts: str, control: str, *, user: str = ALICE) -> Acted:
        """Somebody presses the button with this action_id, or with this in it, or this text."""
        message = self._message(ts)
        block_id, button = _button(message, control)
        workspace, place = self._home(message.channel)
        payload = shapes.sample("block_actions")
        payload["container"] |= {"message_ts": ts, "channel_id": place.id}
        payload["container"]["thread_ts"] = message.thread_ts or ts
        payload["message"] = shapes.message(self.board.platform, message)
        pressed = {k: v for k, v in button.items() if k in {"action_id", "text", "value", "type"}}
        moment = {"block_id": block_id, "action_ts": self.board.platform.new_ts()}
        payload["actions"] = [{**pressed, **moment}]
        hook = Hook(workspace, place.id, user, ts, message.thread_ts)
        return self._interact(payload, workspace, place, user, hook)

    def shortcut(self, ts: str, callback_id: str, *, user: str = ALICE) -> Acted:
        """Somebody chooses a message shortcut."""
        message = self._message(ts)
        workspace, place = self._home(message.channel)
        payload = shapes.sample("message_action")
        payload |= {"callback_id": callback_id, "message_ts": ts}
        payload["action_ts"] = self.board.platform.new_ts()
        payload["message"] = shapes.message(self.board.platform, message)
        hook = Hook(workspace, place.id, user, ts, message.thread_ts)
        return self._interact(payload, workspace, place, user, hook)

    def command(self, text: str, *, channel: str = GENERAL, user: str = ALICE) -> Acted:
        """Somebody types `/everytoken text`."""
        workspace, place = self._home(channel)
        payload = shapes.sample("slash_command")
        payload |= {"team_id": workspace.id, "channel_id": channel, "text": text, "user_id": user}
        payload["channel_name"] = "directmessage" if place.user else place.name
        payload["user_name"] = workspace.users[user].name.lower()
        platform = self.board.platform
        payload["response_url"] = platform.hook(Hook(workspace, channel, user))
        payload["trigger_id"] = platform.trigger(workspace)
        return Acted(channel, "", self.board.events.send("slash_commands", payload))

    def submit_view(self, values: Mapping[str, Mapping[str, Any]], *, user: str = ALICE) -> Acted:
        """Somebody fills the modal opened last, by block_id and action_id, and sends it."""
        view = self.board.platform.views[-1]
        view["state"] = {"values": values}
        workspace = self.board.platform.workspaces[view["team_id"]]
        payload = shapes.sample("view_submission") | {"view": view}
        payload |= shapes.acting(workspace, workspace.users[user])
        payload["trigger_id"] = self.board.platform.trigger(workspace)
        return Acted("", "", self.board.events.send("interactive", payload))

    def fill_view(self, values: Mapping[str, Any], *, user: str = ALICE) -> Acted:
        """Somebody changes inputs of the modal opened last, by block_id, and sends it.

        A select is given the option's value, or a list of them; the others stay as they were.
        """
        blocks = self.board.platform.views[-1]["blocks"]
        inputs = {each["block_id"]: each["element"] for each in blocks if each["type"] == "input"}
        assert values.keys() <= inputs.keys(), f"the modal has {list(inputs)}"
        state = {
            block: {element["action_id"]: _filled(element, values.get(block))}
            for block, element in inputs.items()
        }
        return self.submit_view(state, user=user)

    def open_assistant(self, *, user: str = ALICE, viewing: str = GENERAL) -> Acted:
        """Somebody opens the assistant beside the channel they see; `ts` is the thread's."""
        workspace, _ = self._home(viewing)
        direct = workspace.dm(user)
        version = self.board.version("New Assistant Thread")
        root = self.board.post(
            workspace, direct.id, workspace.bot_user, version, subtype="assistant_app_thread"
        )
        return self._assistant("assistant_thread_started", root.ts, user, direct.id, viewing)

    def view_channel(self, thread_ts: str, viewing: str, *, user: str = ALICE) -> Acted:
        """Somebody looks at another channel while the assistant is open."""
        direct = self._message(thread_ts).channel
        name = "assistant_thread_context_changed"
        return self._assistant(name, thread_ts, user, direct, viewing)

    def join(self, *, channel: str = GENERAL, user: str = ALICE) -> Acted:
        """Somebody joins a channel; the line that says so is no question."""
        workspace, _ = self._home(channel)
        version = self.board.version(f"<@{user}> has joined the channel")
        message = self.board.post(workspace, channel, user, version, subtype="channel_join")
        event = {"user": user, "text": version.text, "ts": message.ts, "event_ts": message.ts}
        told = self.board.events.happened(workspace, "channel_join", event | {"channel": channel})
        return Acted(channel, message.ts, told)

    def stop_stream(self, ts: str) -> Acted:
        """The reader stops a stream with Slack's own button."""
        message = self._message(ts)
        assert message.stream is not None
        message.stream.stopped = message.stream.stopped_by_user = True
        now = message.now
        version = replace(now, at=time.time(), live=False)
        return Acted(message.channel, ts, self.board.change(message, version))

    def uninstall(self, team: str) -> Acted:
        """An administrator removes the app from a workspace."""
        workspace = self.board.platform.workspaces[team]
        workspace.void = "account_inactive"
        told = self.board.events.happened(workspace, "app_uninstalled", self._now())
        return Acted("", "", [*told, *self._revoked(workspace)])

    def revoke(self, team: str) -> Acted:
        """The app's token for a workspace is revoked."""
        workspace = self.board.platform.workspaces[team]
        workspace.void = "token_revoked"
        return Acted("", "", self._revoked(workspace))

    def dm(self, user: str = ALICE) -> str:
        """The channel of a person's direct messages with the bot."""
        spaces = self.board.platform.workspaces.values()
        return next(each for each in spaces if user in each.users).dm(user).id

    def _typed(self, text: str) -> Any:
        return self.board.version(mrkdwn.typed(text))

    def _home(self, channel: str) -> tuple[Workspace, Channel]:
        home = self.board.platform.home(channel)
        assert home is not None, f"there is no channel {channel}"
        return home

    def _message(self, ts: str) -> Message:
        message = self.board.platform.messages[ts]
        assert not message.deleted, f"message {ts} was deleted"
        return message

    def _now(self) -> dict[str, str]:
        return {"event_ts": self.board.platform.new_ts()}

    def _revoked(self, workspace: Workspace) -> list[Delivery]:
        tokens = {"tokens": {"oauth": [], "bot": [workspace.bot_user]}}
        return self.board.events.happened(workspace, "tokens_revoked", self._now() | tokens)

    def _assistant(self, name: str, thread_ts: str, user: str, direct: str, viewing: str) -> Acted:
        workspace, _ = self._home(viewing)
        context = {"channel_id": viewing, "team_id": workspace.id, "enterprise_id": None}
        thread = {"user_id": user, "context": context, "channel_id": direct}
        event = {"assistant_thread": thread | {"thread_ts": thread_ts}} | self._now()
        return Acted(direct, thread_ts, self.board.events.happened(workspace, name, event))

    def _interact(
        self,
        payload: dict[str, Any],
        workspace: Workspace,
        place: Channel,
        user: str,
        hook: Hook,
    ) -> Acted:
        payload |= shapes.acting(workspace, workspace.users[user])
        payload["channel"] = {"id": place.id, "name": place.name}
        payload["trigger_id"] = self.board.platform.trigger(workspace)
        payload["response_url"] = self.board.platform.hook(hook)
        return Acted(place.id, hook.ts, self.board.events.send("interactive", payload))

    def _uploaded(self, upload: Upload, workspace: Workspace, user: User) -> Mapping[str, Any]:
        platform = self.board.platform
        about = shapes.sample("file_share")["event"]["files"][0]
        name = platform.new_id("F")
        address = f"{platform.url}/files-pri/{workspace.id}-{name}"
        about |= {"id": name, "name": upload.name, "title": upload.name, "user": user.id}
        about |= {"mimetype": upload.media_type, "size": len(upload.content)}
        about |= {"filetype": upload.name.rpartition(".")[2], "user_team": user.team}
        about |= {
            "url_private": f"{address}/{upload.name}",
            "url_private_download": f"{address}/download/{upload.name}",
        }
        platform.files[name] = StoredFile(about, upload.content, workspace.id)
        if upload.withheld:
            return {"id": name, "mode": "file_access", "file_access": "check_file_info"}
        return dict(about)


def _button(message: Message, control: str) -> tuple[str, Mapping[str, Any]]:
    found = visible.buttons(message.now.blocks)
    for fits in (
        lambda button: button.get("action_id") == control,
        lambda button: control in button.get("action_id", ""),
        lambda button: button["text"]["text"].casefold() == control.casefold(),
    ):
        for block_id, button in found:
            if fits(button):
                return block_id, button
    raise LookupError(f"no button {control!r} under {message.ts}")


def _filled(element: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The state of an input of a modal, in which somebody wrote or chose `value`; None: nothing."""
    known = {option["value"]: option for option in element.get("options", ())}
    match element["type"]:
        case "multi_static_select":
            chosen = element.get("initial_options", []) if value is None else map(known.get, value)
            return {"type": element["type"], "selected_options": [*chosen]}
        case "static_select":
            option = element.get("initial_option") if value is None else known[value]
            return {"type": element["type"], "selected_option": option}
        case kind:
            written = element.get("initial_value") if value is None else value
            assert len(written or "") <= element["max_length"], "it takes no more characters"
            return {"type": kind, "value": written or None}

"""The gateway: sessions over web sockets, and the ways in which they break."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.doubles.discord import payloads
from tests.doubles.discord.gateway.connection import Connection
from tests.doubles.discord.gateway.opcodes import CloseCode, Opcode
from tests.doubles.discord.gateway.session import Session
from tests.doubles.discord.intents import PRIVILEGED, Intent
from tests.doubles.discord.model import JSON, Guild
from tests.doubles.discord.platform import Event, Platform
from tests.doubles.discord.rest.application import application_flags
from tests.doubles.discord.snowflakes import shard_of

__all__ = ["CloseCode", "Gateway", "Opcode", "Session"]


class _Closed(Exception):
    """The platform ends a connection."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code


class Gateway:
    """Tells every session what happens, and goes wrong on demand."""

    def __init__(self, platform: Platform, heartbeat_seconds: float = 41.25) -> None:
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.refuses = False
        """True: new connections are turned away (503)."""
        self._platform = platform
        self._heartbeat_ms = int(heartbeat_seconds * 1000)
        platform.listeners.append(self._publish)

    # What goes wrong on demand.

    def reconnect(self) -> None:
        """Asks every client to come back: they resume."""
        self._send_all(Opcode.RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Ends every session, or only asks to resume it."""
        if not resumable:
            self.sessions.clear()
        self._send_all(Opcode.INVALID_SESSION, resumable)

    def drop(self) -> None:
        """Cuts every connection without a word; sessions can be resumed."""
        for connection in list(self.connections):
            connection.drop()

    def freeze(self) -> None:
        """Connections stay open and say nothing more, not even to heartbeats."""
        for connection in self.connections:
            connection.freeze()

    def ignore_heartbeats(self) -> None:
        """Connections go on, without acknowledging heartbeats."""
        for connection in self.connections:
            connection.acknowledges = False

    def forget(self) -> None:
        """Nobody can resume: the next one who tries has to begin anew."""
        self.sessions.clear()

    async def close(self, code: int = 1000) -> None:
        """Closes every connection in order, with a close code."""
        await asyncio.gather(*(connection.close(code) for connection in self.connections))

    @property
    def connected(self) -> bool:
        """At least one client is there and identified."""
        return any(session.connection for session in self.sessions.values())

    # Serving.

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        if self.refuses:
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False, autoping=True)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        self._platform.record.link("connect", data=dict(request.query))
        connection.send(Opcode.HELLO, {"heartbeat_interval": self._heartbeat_ms, "_trace": []})
        code: int | None = None
        try:
            await self._read(socket, connection)
        except _Closed as closed:
            code = closed.code
            await connection.close(code)
        finally:
            self._leave(connection, code or socket.close_code)
            await connection.finish()
        return socket

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                raise _Closed(CloseCode.DECODE_ERROR)
            body = json.loads(message.data)
            operation = _operation(self, body["op"])
            if operation is None:
                raise _Closed(CloseCode.UNKNOWN_OPCODE)
            operation(connection, body["d"])

    def _leave(self, connection: Connection, code: int | None) -> None:
        self.connections.discard(connection)
        session = self.sessions.get(connection.session_id)
        self._platform.record.link("disconnect", connection.session_id, code)
        if session is not None and session.connection is connection:
            session.connection = None
            if code in (1000, 1001):
                del self.sessions[session.id]

    def heartbeat(self, connection: Connection, data: int | None) -> None:
        """Answers a heartbeat."""
        self._platform.record.link("heartbeat", connection.session_id, data)
        if connection.acknowledges:
            connection.send(Opcode.HEARTBEAT_ACK)

    def identify(self, connection: Connection, data: JSON) -> None:
        """Begins a session."""
        if connection.session_id:
            raise _Closed(CloseCode.ALREADY_AUTHENTICATED)
        self._authenticate(data)
        intents = Intent(data["intents"])
        if intents & PRIVILEGED & ~self._platform.intents:
            raise _Closed(CloseCode.DISALLOWED_INTENTS)
        shard, shards = data.get("shard", (0, 1))
        if shard >= shards:
            raise _Closed(CloseCode.INVALID_SHARD)
        if not self._platform.starts.take(self._platform.limits):
            self._reset_token(connection)
            raise _Closed(CloseCode.AUTHENTICATION_FAILED)
        session = Session(secrets.token_hex(16), intents, shard, shards, connection)
        connection.session_id = session.id
        self.sessions[session.id] = session
        self._platform.record.link("identify", session.id, data)
        self._welcome(session)

    def resume(self, connection: Connection, data: JSON) -> None:
        """Takes a session up again: what was missed is told, in order."""
        self._authenticate(data)
        session, seq = self.sessions.get(data["session_id"] or ""), data["seq"] or 0
        self._platform.record.link("resume", data["session_id"] or "", data)
        if session is None or not session.can_resume(seq):
            connection.send(Opcode.INVALID_SESSION, data=False)
            return
        session.connection = connection
        connection.session_id = session.id
        session.replay(seq)
        session.tell("RESUMED", {"_trace": []})

    def request_members(self, connection: Connection, data: JSON) -> None:
        """Tells a guild's members."""
        session = self._session_of(connection)
        guild = self._platform.guilds[str(data["guild_id"])]
        members = [payloads.member_of(member) for member in guild.members.values()]
        wanted = data.get("user_ids")
        if wanted is not None:
            ids = {str(id_) for id_ in (wanted if isinstance(wanted, list) else [wanted])}
            members = [member for member in members if member["user"]["id"] in ids]
        chunk = {"guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1}
        chunk |= {"nonce": data["nonce"]} if "nonce" in data else {}
        session.tell("GUILD_MEMBERS_CHUNK", chunk)

    def note(self, connection: Connection, data: JSON) -> None:
        """A presence or voice state: noted, and without effect."""
        self._session_of(connection)
        self._platform.record.link("presence", connection.session_id, data)

    def _session_of(self, connection: Connection) -> Session:
        if connection.session_id not in self.sessions:
            raise _Closed(CloseCode.NOT_AUTHENTICATED)
        return self.sessions[connection.session_id]

    def _reset_token(self, last: Connection) -> None:
        """Too many sessions in a day: all end, and the owner has to fetch another token."""
        self._platform.token = secrets.token_urlsafe(24)
        self._platform.record.link("token reset")
        self.sessions.clear()
        for connection in self.connections - {last}:
            connection.drop()

    def _authenticate(self, data: JSON) -> None:
        if str(data["token"]).removeprefix("Bot ") != self._platform.token:
            raise _Closed(CloseCode.AUTHENTICATION_FAILED)

    def _welcome(self, session: Session) -> None:
        platform = self._platform
        guilds = [
            guild
            for guild in platform.guilds.values()
            if shard_of(guild.id, session.shards) == session.shard
        ]
        ready: JSON = {
            "v": 10,
            "user": payloads.own_user(platform.bot),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": platform.gateway_url,
            "shard": [session.shard, session.shards],
            "application": {"id": platform.bot.id, "flags": application_flags(platform)},
            "private_channels": [],
        }
        session.tell("READY", ready)
        if Intent.GUILDS in session.intents:
            for guild in guilds:
                session.tell("GUILD_CREATE", self._guild(guild, session))

    def _guild(self, guild: Guild, session: Session) -> JSON:
        bot_id = self._platform.bot.id
        everybody = Intent.GUILD_PRESENCES in session.intents
        channels = [
            channel
            for channel in self._platform.channels.values()
            if channel.guild_id == guild.id and not channel.deleted and not channel.archived
            if channel.open
        ]
        return payloads.guild(guild) | {
            "unavailable": False,
            "large": False,
            "joined_at": payloads.timestamp(guild.made),
            "member_count": len(guild.members),
            "members": [
                payloads.member_of(member)
                for member in guild.members.values()
                if everybody or member.user.id == bot_id
            ],
            "channels": [payloads.channel(c, bot_id) for c in channels if not c.thread],
            "threads": [payloads.channel(c, bot_id) for c in channels if c.thread],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _publish(self, event: Event) -> None:
        for session in self.sessions.values():
            session.hear(self._platform, event)

    def _send_all(self, op: Opcode, data: object = None) -> None:
        for connection in self.connections:
            connection.send(op, data)


def _operation(gateway: Gateway, op: int) -> Callable[[Connection, Any], None] | None:
    operations: dict[int, Callable[[Connection, Any], None]] = {
        Opcode.HEARTBEAT: gateway.heartbeat,
        Opcode.IDENTIFY: gateway.identify,
        Opcode.RESUME: gateway.resume,
        Opcode.REQUEST_MEMBERS: gateway.request_members,
        Opcode.PRESENCE: gateway.note,
        Opcode.VOICE_STATE: gateway.note,
    }
    return operations.get(op)

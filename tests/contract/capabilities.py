"""What a connector keeps that can do more: each capability is tried out where it is claimed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request

from connectors.base import (
    EVERYTHING,
    AnswerFile,
    Asked,
    Connected,
    ConnectorError,
    File,
    Gone,
    HasLineage,
    HasTranscripts,
    Incoming,
    Linked,
    MessageRef,
    Person,
    Routed,
    Scope,
    SendsFiles,
    SentFile,
    SignsIn,
    StoresFiles,
    StoresMessages,
    TakesTranscripts,
    Unavailable,
    Whispers,
)
from tests.contract.harness import (
    LONG_AGO,
    PATIENCE,
    RUN,
    Harness,
    Opens,
    accepted,
    next_event,
    part,
)
from tests.doubles.said import Spoken

ALONE = Spoken("For you alone.")
OTHER_RUN = UUID("00000000-0000-4000-8000-000000000002")
FAR_AHEAD = 2**62
"""After any post: microseconds since the epoch."""


async def read_back(
    connector: SendsFiles, ref: MessageRef, file: AnswerFile, upload: str
) -> SentFile | None:
    """What a platform has of a file, once it can tell."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await connector.attached(ref, file, upload)
            except Unavailable:
                await asyncio.sleep(0.02)


async def told(the: Harness) -> Person:
    """Somebody asks, and RUN answers; who asked."""
    await the.ask("What do you keep?")
    person = await asker(the.connector.events())
    await the.connector.post(the.place, part("All that is said."), "answer")
    return person


async def asker(events: AsyncIterator[Incoming]) -> Person:
    """Who asked the next question."""
    (event,) = await accepted(events, 1)
    assert isinstance(event, Asked)
    return event.person


class CapabilityContract(Opens):
    """A test is skipped where the connector doesn't claim to do what it is about."""

    @asynccontextmanager
    async def claiming(
        self, capability: Any, *abilities: str
    ) -> AsyncIterator[tuple[Harness, Any]]:
        """A harness, and its connector as one that has a capability."""
        async with self.able(*abilities) as the:
            if not isinstance(the.connector, capability):
                pytest.skip(f"it doesn't claim to be {capability.__name__}")
            yield the, the.connector

    # Routed.

    async def test_each_of_its_routes_has_a_path_of_its_own(self) -> None:
        async with self.claiming(Routed) as (_, connector):
            paths = [
                (route.path, str(getattr(route, "methods", ""))) for route in connector.routes()
            ]
            assert all(path.startswith("/") for path, _ in paths)
            assert len(set(paths)) == len(paths)

    # Connected.

    async def test_it_says_that_it_is_connected_once_events_can_come_in(self) -> None:
        async with self.claiming(Connected) as (_, connector):
            listening = asyncio.ensure_future(anext(connector.events()))
            async with asyncio.timeout(PATIENCE):
                while not connector.connected:  # noqa: ASYNC110 - any connector at all
                    await asyncio.sleep(0.01)
            assert connector.connected is True
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    # Linked.

    async def test_each_conversation_has_an_address(self) -> None:
        async with self.claiming(Linked) as (the, connector):
            ref = (await connector.post(the.place, part("One"), "key")).ref
            address = connector.link(ref)
            assert address.startswith(("https://", "/"))
            assert connector.link(ref) == address
            other = replace(the.place, channel="other", thread="")
            assert connector.link(replace(ref, place=other)) != address

    async def test_no_name_can_break_out_of_an_address(self) -> None:
        async with self.claiming(Linked) as (the, connector):
            ref = (await connector.post(the.place, part("One"), "key")).ref
            odd = replace(the.place, channel='<a b>"\n', thread="")
            assert not set(connector.link(replace(ref, place=odd))) & set('<> "\n')

    # HasLineage.

    async def test_a_place_is_in_its_channel_its_workspace_and_everything(self) -> None:
        async with self.claiming(HasLineage) as (the, connector):
            found = await connector.lineage(the.place)
            where = (the.place.connector, the.place.workspace)
            assert Scope(*where, the.place.channel) in found
            assert list(found)[-2:] == [Scope(*where), EVERYTHING]
            thread = (
                [Scope(*where, the.place.channel, the.place.thread)] if the.place.thread else []
            )
            assert list(found)[: len(thread)] == thread
            assert all(Scope.parse(str(scope)) == scope for scope in found)
            assert isinstance(await connector.channel_name(the.place), str)

    # Whispers.

    async def test_what_one_person_is_told_is_no_event_and_nobody_else_s_to_read(self) -> None:
        async with self.claiming(Whispers) as (the, connector):
            await the.ask("Question")
            events = connector.events()
            person = await asker(events)
            await connector.whisper(the.place, person, ALONE, "key")
            await connector.whisper(the.place, person, ALONE, "key")
            after = await the.ask("Thanks")
            assert (await next_event(events)).event.message == after.ref
            history = await connector.history(the.place, after.ref, 10)
            assert the.direct or ALONE.text not in [said.text for said in history]

    # StoresMessages.

    async def test_what_is_stored_of_a_person_is_found_and_can_be_printed(self) -> None:
        async with self.claiming(StoresMessages) as (the, connector):
            person = await told(the)
            rows = await connector.data_of(person.id, [RUN])
            printed = json.dumps(rows, default=str)
            assert "What do you keep?" in printed
            assert "All that is said." in printed
            assert "What do you keep?" in str(await connector.data_of(person.id, []))
            assert await connector.data_of("somebody-else", [OTHER_RUN]) == []
            assert await connector.data_of(person.id, [RUN]) == rows, "looking changes nothing"
            assert connector.table
            assert connector.realm == person.realm

    async def test_what_is_erased_of_a_person_is_gone_and_the_rest_stays(self) -> None:
        async with self.claiming(StoresMessages) as (the, connector):
            theirs = await connector.post(the.place, replace(part("Other"), run_id=OTHER_RUN), "o")
            person = await told(the)
            answer = await connector.post(the.place, part("All that is said."), "answer")
            assert await connector.erase("somebody-else", []) == 0
            assert await connector.erase(person.id, [RUN]) == 2
            assert await connector.data_of(person.id, [RUN]) == []
            with pytest.raises(Gone):
                await connector.read(answer.ref)
            assert await connector.read(theirs.ref) == theirs
            assert await connector.erase(person.id, [RUN]) == 0

    async def test_what_is_older_than_a_time_is_deleted(self) -> None:
        async with self.claiming(StoresMessages) as (the, connector):
            person = await told(the)
            assert await connector.delete_before(LONG_AGO) == 0
            assert len(await connector.data_of(person.id, [RUN])) == 2
            assert await connector.delete_before(FAR_AHEAD) == 2
            assert await connector.data_of(person.id, [RUN]) == []

    # StoresFiles.

    async def test_a_file_that_no_message_names_is_deleted_once_it_is_old(self) -> None:
        async with self.claiming(StoresFiles, "attach") as (the, connector):
            assert the.attach
            await the.attach()
            assert await connector.delete_unnamed(LONG_AGO) == 0
            assert await connector.delete_unnamed(FAR_AHEAD) == 1
            assert await connector.delete_unnamed(FAR_AHEAD) == 0

    # SendsFiles.

    async def test_a_file_is_unseen_until_it_is_attached_and_then_read_back_as_it_was(
        self,
    ) -> None:
        async with self.claiming(SendsFiles) as (the, connector):
            ref = (await connector.post(the.place, part("One"), "key")).ref
            file = AnswerFile.of("chart.png", "image/png", b"\x89PNG" + bytes(range(256)))
            upload = await connector.upload(ref, file)
            assert await connector.attached(ref, file, upload) is None
            await connector.attach(ref, file, upload)
            sent = await read_back(connector, ref, file, upload)
            assert sent == SentFile(len(file.content), file.sha256)
            if the.reads:
                assert the.shown(await connector.read(ref)) == the.sent("One")

    async def test_an_edit_leaves_the_files_of_a_message_and_each_is_its_own(self) -> None:
        async with self.claiming(SendsFiles) as (the, connector):
            ref = (await connector.post(the.place, part("One"), "key")).ref
            files = [AnswerFile.of(f"{n}.txt", "text/plain", b"text %d" % n) for n in range(2)]
            uploads = [await connector.upload(ref, file) for file in files]
            for file, upload in zip(files, uploads, strict=True):
                await connector.attach(ref, file, upload)
            await connector.edit(ref, part("One, two"))
            for file, upload in zip(files, uploads, strict=True):
                sent = await read_back(connector, ref, file, upload)
                assert sent == SentFile(len(file.content), file.sha256)

    async def test_the_size_that_a_place_takes_is_known(self) -> None:
        async with self.claiming(SendsFiles) as (the, connector):
            assert connector.most_file_bytes(the.place) > 0
            for step in ("upload", "attach", "read"):
                assert connector.file_budget(the.place, step).calls > 0

    # SignsIn.

    async def test_the_gate_knows_nobody_who_has_not_signed_in(self) -> None:
        async with self.claiming(SignsIn) as (_, connector):
            gate = connector.gate()
            bare = Request({"type": "http", "method": "GET", "path": "/runs", "headers": []})
            assert (await gate.viewer(bare) is None) == gate.asks
            assert gate.way_in("/runs?a=b c").startswith("/")
            assert not set(gate.way_in("/runs?a=b c")) & set(" <>")

    # HasTranscripts.

    async def test_a_file_that_nobody_has_has_no_transcript(self) -> None:
        async with self.claiming(HasTranscripts) as (the, connector):
            file = File(f"{the.place.workspace}/F0", "a.ogg", "audio/ogg", 1)
            with suppress(ConnectorError):
                assert await connector.transcript(file, patient=False) == ""

    # TakesTranscripts.

    async def test_a_question_shows_what_was_heard_in_it(self) -> None:
        async with self.claiming(TakesTranscripts) as (the, connector):
            asked = await the.ask("Why?")
            await connector.heard(asked.ref, "What was heard.", ())
            after = await the.ask("Thanks")
            history = await connector.history(the.place, after.ref, 10)
            assert [said.text for said in history] == ["What was heard."]

    async def test_a_question_that_is_gone_stays_gone(self) -> None:
        async with self.claiming(TakesTranscripts, "delete") as (the, connector):
            asked = await the.ask("Why?")
            assert the.delete
            await the.delete(asked.ref)
            await connector.heard(asked.ref, "What was heard.", ())
            after = await the.ask("Thanks")
            assert await connector.history(the.place, after.ref, 10) == []

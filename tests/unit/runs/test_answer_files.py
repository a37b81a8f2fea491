"""Files are a part of the answer: each is kept, shown once and read back, or the reader is told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.runs import Result, verify
from bot.runs.receipts import summary
from bot.words import english
from connectors.base import (
    AnswerFile,
    ConnectorError,
    Gone,
    MessageRef,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
)
from connectors.memory import Fault, Lost, MemoryConnector
from providers.base import MadeFile
from providers.scripted import CallTool, ScriptedProvider
from tests.doubles.painter import PNG, Painter, a_toolbox, image, resource
from tests.doubles.way import Way, a_way

FIRST, SECOND = ["I paint.", CallTool("art__paint", {})], ["Here it is."]
SHA256 = hashlib.sha256(PNG).hexdigest()


@asynccontextmanager
async def painting(
    *blocks: Any, fault: Fault | None = None, **platform: Any
) -> AsyncIterator[tuple[Way, Result]]:
    """An answer with these files."""
    connector = MemoryConnector(fault=fault)
    for name, value in platform.items():
        setattr(connector.platform, name, value)
    tools = a_toolbox(Painter(blocks or None))
    async with a_way(FIRST, SECOND, connector=connector, toolbox=tools) as way:
        yield way, await way.answer()


def failing(call: str, *errors: Exception | Lost | None) -> Fault:
    """The first calls of a kind fail so."""

    def fault(name: str, number: int) -> Any:
        return errors[number - 1] if name == call and number <= len(errors) else None

    return fault


def attached(way: Way) -> list[tuple[str, bytes]]:
    """The files that readers see: name and content."""
    platform = way.connector.platform
    return [(name, platform.uploads[upload]) for _, upload, name in platform.attached]


async def test_a_tool_s_file_is_shown_once_and_proven() -> None:
    async with painting() as (way, result):
        assert attached(way) == [("paint.png", PNG)]
        [(ref, _, _)] = way.connector.platform.attached
        assert ref == way.messages[-1].ref
        [proof] = result.receipt.files
        assert proof.generated == proof.recorded == proof.shown == SHA256
        assert (proof.size, result.receipt.verdict) == (len(PNG), "verified")
        assert "File: paint.png (1,032 bytes)" in way.shown[-1]
        assert result.text == "I paint.Here it is."


async def test_the_model_is_told_that_the_reader_has_it_and_not_given_its_content() -> None:
    async with painting() as (way, _):
        [told] = [turn.text for turn in way.provider.requests[-1].turns if turn.role == "tool"]
        assert "shown to the reader as a file: paint.png" in told
        assert "iVBOR" not in told


async def test_files_of_one_name_are_told_apart() -> None:
    async with painting(image(), image(PNG + b"2")) as (way, result):
        assert [name for name, _ in attached(way)] == ["paint.png", "paint-2.png"]
        assert len({proof.shown for proof in result.receipt.files}) == 2


async def test_a_resource_keeps_its_name_and_nothing_that_is_only_named_is_fetched() -> None:
    link = {"type": "resource_link", "uri": "http://127.0.0.1/x.bin", "name": "x"}
    blob = resource(b"a,b\n", "file:///etc/../tmp/q3%20table.csv")
    async with painting(blob, link) as (way, _):
        assert attached(way) == [("q3_table.csv", b"a,b\n")]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (image(b"x" * 2_000), "larger than can be sent here"),
        (image(b""), None),
        ({"type": "image", "data": "no base64!", "mimeType": "image/png"}, None),
    ],
)
async def test_what_cannot_be_sent_is_told(block: Any, why: str | None) -> None:
    async with painting(block, most_file_bytes=1_500) as (way, result):
        assert attached(way) == []
        if why is None:  # the tool sent no file: the model is told what it was
            assert result.receipt.files == ()
            return
        assert why in way.shown[-1]
        assert result.receipt.verdict == "broken"
        assert [fault.link for fault in result.receipt.faults] == ["files"]
        assert "a file of the answer is missing" in english(summary(result.receipt, result.tokens))
        assert way.writing() == []


async def test_more_files_than_an_answer_may_have_are_named() -> None:
    async with painting(*(image(PNG + bytes([n])) for n in range(12))) as (way, result):
        assert len(attached(way)) == 10
        assert way.shown[-1].count("more files than I send") == 2
        assert len(result.receipt.files) == 12


@pytest.mark.parametrize("call", ["upload", "attach", "attached"])
@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("slow", 3.0), Lost()])
async def test_a_call_that_fails_or_whose_answer_is_lost_doubles_nothing(
    call: str, error: ConnectorError | Lost
) -> None:
    async with painting(fault=failing(call, error, None, error)) as (way, result):
        assert attached(way) == [("paint.png", PNG)]
        assert result.receipt.verdict == "verified"
        assert result.outcome == "complete"


@pytest.mark.parametrize("call", ["upload", "attach"])
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Refused("no"), "it was refused here"),
        (TooLarge("no"), "it is larger than can be sent here"),
        (Gone("deleted"), "the answer that it belongs to is not there"),
    ],
)
async def test_a_refused_file_is_told_where_the_answer_ends(
    call: str, error: ConnectorError, why: str
) -> None:
    async with painting(fault=failing(call, *[error] * 9)) as (way, result):
        assert attached(way) == []
        assert f"Not shown: the file paint.png: {why}" in way.shown[-1]
        assert result.receipt.verdict == "broken"
        assert result.outcome == "complete"


async def test_what_nobody_can_tell_is_not_sent_twice_and_said() -> None:
    lost, away = Lost(), Unavailable("down")

    def fault(name: str, _number: int) -> Any:
        return {"attach": lost, "attached": away}.get(name)

    async with painting(fault=fault) as (way, result):
        assert len(attached(way)) == 1
        assert "Perhaps not shown: the file paint.png" in way.shown[-1]
        assert result.receipt.verdict == "unproven"


async def test_a_platform_that_hands_out_something_else_is_found_out() -> None:
    class Strips(MemoryConnector):
        async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
            stripped = AnswerFile.of(file.name, file.media_type, file.content[8:])
            return await super().upload(ref, stripped)

    tools = a_toolbox(Painter())
    async with a_way(FIRST, SECOND, connector=Strips(), toolbox=tools) as way:
        result = await way.answer()
        assert result.receipt.verdict == "broken"
        assert "what is shown is not what was made" in str(result.receipt.faults[0])


async def test_it_can_be_verified_again_long_after() -> None:
    async with painting() as (way, result):
        row = await way.store.runs.get(result.run_id)
        assert row is not None
        assert (await verify(row, way.store, way.connector)).files[0].whole
        way.connector.platform.attached.clear()
        again = await verify(row, way.store, way.connector)
        assert again.verdict == "broken"


async def test_without_files_nothing_is_asked_of_the_platform_or_the_store() -> None:
    tools = a_toolbox(Painter([{"type": "text", "text": "nothing"}]))
    async with a_way(FIRST, SECOND, toolbox=tools) as way:
        result = await way.answer()
        assert result.receipt.files == ()
        names = {call.name for call in way.connector.platform.calls}
        assert not names & {"upload", "attach", "attached"}


class Draws(ScriptedProvider):
    """A model that sends a picture with its answer."""

    def __init__(self, *script: Any, made: MadeFile) -> None:
        super().__init__(script)
        self._made = made

    async def generate(self, request: Any, **more: Any) -> None:
        more["generation"].files.append(self._made)
        await super().generate(request, **more)


@pytest.mark.parametrize("script", [["Here it is."], []])
async def test_a_picture_of_the_model_s_is_an_answer_with_text_or_without(
    script: list[str],
) -> None:
    model = Draws(*script, made=MadeFile("image/png", base64.b64encode(PNG).decode()))
    async with a_way(provider=model) as way:
        result = await way.answer()
        assert attached(way) == [("image.png", PNG)]
        assert "File: image.png" in way.shown[-1]
        assert (result.outcome, result.receipt.verdict) == ("complete", "verified")
        assert "no text" not in way.shown[-1]


async def test_what_a_model_sends_as_a_picture_and_is_none_is_told() -> None:
    async with a_way(provider=Draws("Look!", made=MadeFile("image/png", "&&&"))) as way:
        result = await way.answer()
        assert attached(way) == []
        assert "Not shown: the file image.png: it is empty" in way.shown[-1]
        assert result.receipt.verdict == "broken"


async def test_a_long_block_of_code_can_be_saved_as_well() -> None:
    code = "".join(f"line {n}\n" for n in range(2_000))
    async with a_way([f"```python\n{code}```\n"]) as way:
        result = await way.answer()
        assert attached(way) == [("code.py", code.encode())]
        assert (result.outcome, result.receipt.verdict) == ("complete", "verified")
        assert "File: code.py" in way.shown[-1]

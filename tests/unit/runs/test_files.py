"""Attached files: what the model is given of them, and what the reader is told."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from bot.attachments import AttachedImage, DocumentReader, FileLimits
from bot.attachments.extraction import Extract
from bot.runs import Outcome, RequestOptions
from bot.runs.usage import IMAGE_TOKENS
from connectors.base import Control, File, Person, Unavailable
from providers.base import Disconnected, Image, Turn
from providers.scripted import Fail, ScriptedProvider
from tests.doubles.way import Way, a_way

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def attach(way: Way, name: str, data: bytes, media_type: str = "text/plain") -> File:
    """A file that stands on the platform."""
    file = File(f"F-{name}", name, media_type, len(data))
    way.connector.platform.files[file.id] = data
    return file


async def asked(way: Way, text: str, *files: File) -> tuple[Turn, ...]:
    """Asks with files, and waits for the answer; the turns that the model was given."""
    await way.connector.ask(text, files=files).accepted()
    await way.intake.settled()
    turns: tuple[Turn, ...] = way.provider.requests[-1].turns if way.provider.requests else ()
    return turns


def sharp(**options: Any) -> Any:
    """A model that sees."""
    return ScriptedProvider(["Seen."], sees=True, **options)


async def test_the_text_of_a_file_stands_under_the_question() -> None:
    async with a_way(["Read."]) as way:
        turns = await asked(way, "What does it do?", attach(way, "a.py", b"print(1)"))
    assert turns[-1].text == 'What does it do?\n\nFile "a.py":\n```\nprint(1)\n```'
    assert way.shown == ["Read."]


async def test_an_image_goes_to_a_model_that_sees() -> None:
    async with a_way(provider=sharp()) as way:
        turns = await asked(way, "What is it?", attach(way, "a.png", PNG, "image/png"))
    assert turns[-1] == Turn("user", "What is it?", (Image("image/png", b64encode(PNG).decode()),))


async def test_the_reader_is_told_what_a_model_that_cannot_see_was_not_given() -> None:
    async with a_way(["Hm."]) as way:
        turns = await asked(way, "What is it?", attach(way, "a.png", PNG, "image/png"))
    assert turns[-1] == Turn("user", "What is it?")
    assert way.shown == ["Hm.\n\n_Not read: a.png: the model that answers can't see images_"]


async def test_a_file_that_cannot_be_fetched_costs_no_answer_and_is_told() -> None:
    async with a_way(["Hm."]) as way:
        way.connector.fault = lambda call, _n: Unavailable("503") if call == "fetch" else None
        await asked(way, "What?", attach(way, "a.txt", b"text"))
    assert way.shown == ["Hm.\n\n_Not read: a.txt: I could not fetch it_"]


async def test_a_file_that_is_larger_than_the_platform_said_is_not_taken() -> None:
    async with a_way(["Hm."]) as way:
        small = attach(way, "a.txt", b"x" * 2_000_000)
        await asked(way, "What?", File(small.id, small.name, small.media_type, 10))
    assert way.shown == ["Hm.\n\n_Not read: a.txt: it is larger than I can take_"]


async def test_a_file_without_a_question_is_a_question() -> None:
    async with a_way(["Read."]) as way:
        turns = await asked(way, "", attach(way, "a.txt", b"Why?"))
    assert turns[-1].text == 'File "a.txt":\n```\nWhy?\n```'


async def test_nothing_but_a_file_that_cannot_be_read_is_no_question() -> None:
    async with a_way() as way:
        await asked(way, "", attach(way, "a.zip", b"PK", "application/zip"))
        row = (await way.store.runs.recent(1))[0]
    assert row.end is not None
    assert row.end.outcome == Outcome.FAILED
    assert "a.zip: I can't read this kind of file" in way.shown[0]


async def test_a_long_file_is_cut_to_the_models_room_and_the_reader_is_told() -> None:
    async with a_way(provider=ScriptedProvider(["Read."], room=1000)) as way:
        turns = await asked(way, "What?", attach(way, "a.txt", b"x" * 10_000))
    assert 1_000 < len(turns[-1].text) < 3_000
    assert "a.txt: its first" in way.shown[0]


async def test_files_of_earlier_messages_are_given_again_and_nobody_is_told_of_their_limits() -> (
    None
):
    async with a_way(["One."], ["Two."]) as way:
        zipped = attach(way, "a.zip", b"PK", "application/zip")
        await asked(way, "1", attach(way, "a.txt", b"alpha"), zipped)
        turns = await asked(way, "2")
    assert turns[1].text == '1\n\nFile "a.txt":\n```\nalpha\n```'
    assert way.shown[1] == "Two."


async def test_of_too_many_files_the_questions_own_are_taken_first() -> None:
    request = RequestOptions("Be brief.", 20, None, DocumentReader(FileLimits(files=1)))
    async with a_way(["One."], ["Two."], request=request) as way:
        await asked(way, "1", attach(way, "a.txt", b"alpha"))
        turns = await asked(way, "2", attach(way, "b.txt", b"beta"))
    assert turns[1].text == "1"
    assert "beta" in turns[-1].text


async def test_trying_again_reads_the_files_again() -> None:
    async with a_way([Fail(Disconnected("gone"))], ["Read."]) as way:
        await asked(way, "What?", attach(way, "a.txt", b"alpha"))
        await way.connector.press(way.messages[0].ref, Control.RETRY).accepted()
        await way.intake.settled()
    assert "alpha" in way.provider.requests[1].turns[-1].text


async def test_where_several_people_talk_the_model_is_told_who() -> None:
    async with a_way(["One."], ["Two."]) as way:
        await asked(way, "1")
        await way.connector.ask("2", Person("bob", "Bob")).accepted()
        await way.intake.settled()
    texts = [turn.text for turn in way.provider.requests[1].turns]
    assert texts == ["Be brief.", "Alice: 1", "One.", "Bob: 2"]


async def test_images_of_a_document_that_have_no_room_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = AttachedImage("image/png", "AAAA")

    async def scan(*_args: object) -> Extract:
        return Extract(3, ("", "", ""), images=(one,) * 3, pictures=3)

    monkeypatch.setattr("bot.attachments.documents.read_pdf", scan)
    room = IMAGE_TOKENS * 4
    async with a_way(provider=sharp(room=room)) as way:
        turns = await asked(way, "What?", attach(way, "scan.pdf", b"%PDF-"))
    assert len(turns[-1].images) == 2
    assert "the model was given 2 of 3" in way.shown[0]

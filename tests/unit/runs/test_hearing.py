"""Spoken questions: what was heard stands first, and is a part of the question from then on."""

from __future__ import annotations

from uuid import UUID

import pytest

from bot.attachments import DocumentReader, FileLimits
from bot.runs import Outcome, RequestOptions
from bot.store import RunRow
from bot.words import Sentence
from connectors.base import Control, File, Gone, MessageRef
from connectors.memory import MemoryConnector
from providers.base import Disconnected
from providers.scripted import Fail
from tests.doubles.transcriber import ScriptedTranscriber
from tests.doubles.way import Way, a_way, clock_us
from tests.unit.runs.test_files import asked, attach

SPEECH = b"OggS" + b"speech"


def _options(listener: ScriptedTranscriber | None) -> RequestOptions:
    return RequestOptions("Be brief.", 20, None, transcriber=listener)


def _speech(way: Way, name: str = "voice-message.ogg", data: bytes = SPEECH) -> File:
    return attach(way, name, data, "audio/ogg")


async def _newest(way: Way) -> RunRow:
    (row,) = await way.store.runs.recent(1)
    return row


async def test_what_was_heard_stands_first_and_is_the_question_that_is_recorded() -> None:
    listener = ScriptedTranscriber()
    async with a_way(["Because."], request=_options(listener)) as way:
        turns = await asked(way, "", _speech(way))
        row = await _newest(way)
    assert listener.given == [SPEECH]
    assert turns[-1].text == "Why is the sky blue?"
    assert way.shown == ["_Heard: Why is the sky blue?_\n\nBecause."]
    assert (row.start.question, row.start.files) == ("Why is the sky blue?", ())
    assert row.end is not None
    assert (row.end.generated_text, row.end.verdict) == ("Because.", "verified")


async def test_words_that_were_written_beside_it_come_before_what_was_heard() -> None:
    async with a_way(["Hm."], request=_options(ScriptedTranscriber("and now?"))) as way:
        other = attach(way, "a.txt", b"alpha")
        turns = await asked(way, "Look:", _speech(way), other)
        row = await _newest(way)
    assert turns[-1].text.startswith('Look:\n\nand now?\n\nFile "a.txt"')
    assert row.start.question == "Look:\n\nand now?"
    assert [file.name for file in row.start.files] == ["a.txt"]


async def test_a_recording_is_heard_once_and_its_words_are_the_history() -> None:
    listener = ScriptedTranscriber()
    async with a_way(["One."], ["Two."], request=_options(listener)) as way:
        await asked(way, "", _speech(way))
        turns = await asked(way, "And at night?")
    assert len(listener.given) == 1
    texts = [turn.text for turn in turns]
    assert texts == ["Be brief.", "Why is the sky blue?", "One.", "And at night?"]


async def test_trying_again_does_not_listen_again() -> None:
    listener = ScriptedTranscriber()
    script = ([Fail(Disconnected("gone"))], ["Because."])
    async with a_way(*script, request=_options(listener)) as way:
        await asked(way, "", _speech(way))
        await way.connector.press(way.messages[0].ref, Control.RETRY).accepted()
        await way.intake.settled()
    assert len(listener.given) == 1
    assert way.provider.requests[-1].turns[-1].text == "Why is the sky blue?"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Sentence("file.no_words"), "I heard no words in it"),
        (
            Sentence("file.too_long_to_hear", {"most": 120}),
            "it is longer than 120 seconds, the most that I listen to",
        ),
    ],
)
async def test_what_could_not_be_understood_is_said(said: Sentence, told: str) -> None:
    async with a_way(request=_options(ScriptedTranscriber(said))) as way:
        await asked(way, "", _speech(way))
        row = await _newest(way)
    assert f"voice-message.ogg: {told}" in way.shown[0]
    assert row.end is not None
    assert row.end.outcome == Outcome.FAILED


async def test_words_beside_a_recording_that_was_not_understood_are_answered() -> None:
    listener = ScriptedTranscriber(Sentence("file.no_words"))
    async with a_way(["Hm."], request=_options(listener)) as way:
        turns = await asked(way, "Look:", _speech(way))
    assert turns[-1].text == "Look:"
    assert way.shown == ["Hm.\n\n_Not read: voice-message.ogg: I heard no words in it_"]


async def test_where_nothing_listens_that_is_said() -> None:
    async with a_way(["Hm."], request=_options(None)) as way:
        await asked(way, "Look:", _speech(way))
    told = "voice-message.ogg: I can't listen to recordings here"
    assert way.shown == [f"Hm.\n\n_Not read: {told}_"]


async def test_marks_in_what_was_heard_are_no_markup_and_a_long_one_is_shortened() -> None:
    words = "*bold* <!channel> " + "word " * 200 + "end"
    async with a_way(["Hm."], request=_options(ScriptedTranscriber(words))) as way:
        turns = await asked(way, "", _speech(way))
    assert turns[-1].text == words
    heading = way.shown[0].partition("\n")[0]
    assert heading.startswith("_Heard: bold !channel word word")
    assert heading.endswith("…_")
    assert len(heading) < 450


async def test_a_recording_larger_than_is_taken_is_not_fetched() -> None:
    listener = ScriptedTranscriber()
    async with a_way(["Hm."], request=_options(listener)) as way:
        file = _speech(way)
        await asked(way, "Look:", File(file.id, file.name, file.media_type, 100_000_000))
    assert listener.given == []
    assert "100 MB, I take at most 10 MB" in way.shown[0]


class Transcribing(MemoryConnector):
    """A platform that writes down itself what is said, and shows what was heard."""

    own = "Its own words."

    def __init__(self) -> None:
        super().__init__(clock=lambda: clock_us() / 1e6)
        self.shown: list[tuple[MessageRef, str, int]] = []
        self.patient: list[bool] = []

    async def transcript(self, file: File, *, patient: bool) -> str:
        """See `HasTranscripts`."""
        self.patient.append(patient)
        if not self.own:
            raise Gone(file.name)
        return self.own

    async def heard(self, ref: MessageRef, text: str, files: tuple[File, ...]) -> None:
        """See `TakesTranscripts`."""
        self.shown.append((ref, text, len(files)))


async def test_a_platforms_own_transcript_is_used_and_the_question_shows_what_was_heard() -> None:
    listener = ScriptedTranscriber()
    platform = Transcribing()
    async with a_way(["Hm."], connector=platform, request=_options(listener)) as way:
        turns = await asked(way, "", _speech(way))
    assert turns[-1].text == "Its own words."
    assert listener.given == []
    assert [said[1:] for said in platform.shown] == [("Its own words.", 0)]


@pytest.mark.parametrize("listens", [True, False])
async def test_a_platform_is_waited_for_where_nothing_else_listens(listens: bool) -> None:
    platform = Transcribing()
    platform.own = ""
    request = _options(ScriptedTranscriber() if listens else None)
    async with a_way(["Hm."], connector=platform, request=request) as way:
        await asked(way, "Look:", _speech(way))
    assert platform.patient == [not listens]
    assert ("Heard: Why is" in way.shown[0]) == listens


async def test_the_question_as_heard_is_found_by_its_message() -> None:
    async with a_way(["Hm."], request=_options(ScriptedTranscriber())) as way:
        await asked(way, "", _speech(way))
        start = (await _newest(way)).start
        found = await way.store.runs.questions(start.place, {start.question_id, "none"})
        assert isinstance(start.run_id, UUID)
    assert found == {start.question_id: "Why is the sky blue?"}


async def test_where_no_files_are_read_no_recording_is_heard() -> None:
    listener = ScriptedTranscriber()
    reader = DocumentReader(FileLimits(files=0))
    request = RequestOptions("Be brief.", 20, None, reader, transcriber=listener)
    async with a_way(["Hm."], request=request) as way:
        await asked(way, "Look:", _speech(way))
    assert listener.given == []
    assert "0 files at most: voice-message.ogg was left out" in way.shown[0]

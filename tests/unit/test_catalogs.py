"""Every language is whole, reads as its English does, and is recognised in old messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.cluster.known_text import without_notes
from bot.words import Languages, small
from connectors.base import Part, Person, Place
from connectors.markdown import form
from connectors.words import (
    CATALOGUE,
    FORMER,
    Language,
    Sentence,
    catalogue,
    is_one_of,
    language_of,
    parameters,
    po_path,
    render,
    script_of,
    which,
)
from tests.catalogs import OTHERS, problems, written

PLACE = Place("memory", "W", "C")
NOTES = [id_ for id_ in CATALOGUE if id_.startswith(("ended.", "failed.", "answer.", "shown."))]
RELEASED = Path(__file__).with_name("released_notes.txt")
"""Every note that a version has left in messages, a line each."""


def source(language: Language) -> str:
    return po_path(language).read_text("utf-8")


def values(id_: str) -> dict[str, str | int | float | Sentence]:
    return dict.fromkeys(parameters(id_), 7)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalog_is_whole(language: Language) -> None:
    assert list(problems(source(language))) == []
    assert written(language, source(language)) == source(language)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("#. Stopped.\nmsgid", "#. Stopped.\n\nmsgid"), None),
        (('msgid "ended.stopped"\nmsgstr "已停止。"\n\n', ""), "ended.stopped: it is missing"),
        (('"已停止。"', '""'), "ended.stopped: it has no translation"),
        (("#. Stopped.", "#. Ended."), "ended.stopped: its English has changed"),
        (("#. Stopped.", "#. Stopped.\n#, fuzzy"), "ended.stopped: it is marked as fuzzy"),
        (('msgid "ended.stopped"', 'msgid "ended.stop"'), "ended.stop: there is no such"),
        (('"未读取：{what}"', '"未读取：{which}"'), "answer.not_read: its parameters"),
        (('"未读取：{what}"', '"未读取。"'), "answer.not_read: its parameters"),
    ],
)
def test_what_is_wrong_with_a_catalog_is_named(change: tuple[str, str], told: str | None) -> None:
    whole = source(Language.CHINESE)
    spoilt = whole.replace(*change)
    assert spoilt != whole
    found = list(problems(spoilt))
    assert found if told is None else any(line.startswith(told) for line in found)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("id_", CATALOGUE)
def test_every_sentence_can_be_said_in_every_language(id_: str, language: Language) -> None:
    said = render(Sentence(id_, values(id_)), language)
    assert said == said.strip()
    assert "{" not in said


@pytest.mark.parametrize("id_", CATALOGUE)
def test_chinese_is_written_with_chinese_marks(id_: str) -> None:
    text = catalogue(Language.CHINESE)[id_]
    assert not re.search(
        r"[\u4e00-\u9fff] ?[,;:!?]|[\u4e00-\u9fff]\.|[\u4e00-\u9fff] +[\u4e00-\u9fff]", text
    )
    assert not re.search(r"\.\.\.|[（(][^）)]*$", text)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("id_", NOTES)
def test_a_note_is_recognised_whatever_its_language(id_: str, language: Language) -> None:
    note = small(Sentence(id_, values(id_)), language)
    assert is_one_of(form(note), id_)
    assert without_notes(f"What was said.\n\n{form(note)}") == "What was said."
    assert without_notes(f"What was said.\n\n{note}") == "What was said."


@pytest.mark.parametrize("note", RELEASED.read_text("utf-8").splitlines())
def test_a_note_that_a_version_left_in_messages_is_recognised_for_ever(note: str) -> None:
    """Where a sentence changes, its old template belongs into `FORMER`; this file only grows."""
    assert is_one_of(note, "ended.", "failed.", "answer.", "shown.", "tool.made")


def test_every_note_of_this_version_is_among_the_released() -> None:
    released = set(RELEASED.read_text("utf-8").splitlines())
    said = {render(Sentence(id_, values(id_)), each) for id_ in NOTES for each in Language}
    assert said <= released


def test_former_templates_are_not_those_of_today() -> None:
    assert not {text for texts in FORMER.values() for text in texts} & set(CATALOGUE.values())


def test_the_id_of_a_sentence_is_found_in_any_language() -> None:
    count = Sentence("count.tokens", {"count": 3})
    for language in Language:
        said = render(Sentence("receipt.broken", {"count": count, "why": "shown: x"}), language)
        assert which(said, "receipt.") == "receipt.broken"
    assert which("Paris.", "receipt.") is None


def test_a_sentence_is_no_text_before_its_language_is_known() -> None:
    stopped = Sentence("ended.stopped")
    for said in (stopped, stopped.to(Language.CHINESE)):
        with pytest.raises(TypeError):
            f"{said}"
    assert Part.saying(stopped.to(Language.CHINESE)).text == "已停止。"


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        ("zh-CN", Language.CHINESE), ("zh_TW.UTF-8", Language.CHINESE), ("en-GB", Language.ENGLISH),
        ("de,zh;q=0.8,en;q=0.5", Language.CHINESE), ("de_DE:zh", Language.CHINESE),
        ("C.UTF-8", None), ("", None), ("zhx", None), ("fr-FR,fr;q=0.9", None),
    ],
)  # fmt: skip
def test_the_first_language_that_there_is_counts(tags: str, language: Language | None) -> None:
    assert language_of(tags) is language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("什么是 token？", Language.CHINESE), ("トークンとは何ですか", None), ("漢字かな", None),
        ("토큰 漢字", None), ("What is 你好?", Language.CHINESE), ("What is it?", None), ("", None),
    ],
)  # fmt: skip
def test_only_han_characters_alone_say_that_a_question_is_chinese(
    text: str, language: Language | None
) -> None:
    assert script_of(text) is language


@pytest.mark.parametrize(
    ("theirs", "scope", "question", "read"),
    [
        ("en-US", Language.CHINESE, "你好", Language.ENGLISH),
        ("zh-CN", Language.ENGLISH, "Hello", Language.CHINESE),
        ("fr", Language.CHINESE, "Hello", Language.CHINESE),
        ("", Language.ENGLISH, "你好", Language.ENGLISH),
        ("", None, "你好", Language.CHINESE),
        ("", None, "Hello", Language.ENGLISH),
    ],
)
async def test_the_person_counts_before_the_scope_and_that_before_the_script(
    theirs: str, scope: Language | None, question: str, read: Language
) -> None:
    async def of_scope(_place: Place) -> Language | None:
        return scope

    languages = Languages(Language.ENGLISH, of_scope)
    assert await languages.of(PLACE, Person("p", language=theirs), question) is read


async def test_where_nothing_tells_the_deployment_s_language_counts() -> None:
    assert await Languages(Language.CHINESE).of(PLACE, None, "Hello") is Language.CHINESE

"""A sample of the texts that `python -m tests.unit.markdown.dialects` tries on each dialect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.markdown import Drawn
from tests.unit.markdown.corpus import Sample, samples, streams, written
from tests.unit.markdown.dialects import WAYS, Count, counted
from tests.unit.markdown.platforms import PLATFORMS, Platform

platforms = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)


@platforms
def test_what_is_drawn_is_what_must_be_read_and_a_loss_is_found(platform: Platform) -> None:
    found = counted(platform, samples(24))
    assert (found.names, found.equal, found.unproven) == ([], found.texts, 0)
    assert found.texts == 24 + len(streams())
    assert found.good
    assert all(found.found[way] > found.texts * 0.9 for way in WAYS)


@platforms
def test_what_is_drawn_otherwise_is_counted_by_its_kind(platform: Platform) -> None:
    texts = [Sample("one", ("Once upon", " a time")), Sample("two", ("Twice",))]

    def loses(answer: str) -> Drawn:
        return Drawn(tuple(line.replace(" upon", "") for line in platform.read(answer).lines))

    def unsure(answer: str) -> Drawn:
        return replace(platform.read(answer), unknown=("blink",))

    lost = counted(replace(platform, read=loses), texts)
    assert (lost.wrong, lost.equal) == ({"reader": 1, "growing": 1}, 1)
    assert counted(replace(platform, read=unsure), texts).unproven == 2
    assert not Count(texts=2, unproven=1).good


@platforms
def test_a_damage_that_is_not_found_is_counted(platform: Platform) -> None:
    texts = [Sample("one", ("Once upon", " a time"))]
    blind = counted(replace(platform, read=lambda _: Drawn(("Once upon a time",))), texts)
    assert (blind.planted.total(), blind.found.total(), blind.good) == (3, 0, False)


@platforms
def test_what_another_reader_finds_otherwise_is_counted(platform: Platform) -> None:
    texts = [Sample("one", ("Once upon", " a time"))]
    if platform.draws:
        other = replace(platform, second=lambda _: ["Once a time"])
    else:
        other = replace(platform, answer=lambda text: platform.answer(text.replace(" upon", "")))
    assert counted(other, texts).wrong["second reader"] == 1


def test_what_is_taken_back_is_counted() -> None:
    def rewrites(text: str, /, *, growing: bool = False) -> str:
        return text[::-1] if growing else text

    platform = replace(PLATFORMS[-1], append=rewrites)
    assert counted(platform, [Sample("one", ("Once upon", " a time"))]).wrong == {"taken back": 1}


@platforms
@pytest.mark.parametrize(
    "text",
    [
        "1. > quoted\n2. > more",
        "36) > # Title\n    > more",
        "- 24) > deep\n\n      more\n- x",
        "114.\n115. x",
        "> 110.\n>\n> x",
        "115) > -\n\n     # one",
        "115) >\n\n     one",
        "115) > >\n     >\n     > one",
        "7) > ***\n\n   x",
        "7) []()\n\n   > x",
        "7. >\n8. > y",
        "5. > `` ` ``",
        "3. > - a\n   > - b\n\n   c",
        "9) > ```\n   > ```\n\n   y",
        "> 3. >\n> 4. x",
        "5. 6. > x",
    ],
)
def test_an_items_number_stands_before_its_first_words_or_alone(
    platform: Platform, text: str
) -> None:
    assert counted(platform, [Sample(text, (text,))]).names == []


def test_people_have_written_enough() -> None:
    assert len(written()) >= 1_000

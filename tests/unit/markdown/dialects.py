"""Texts on each dialect: is what the platform draws what a reader must find, and would a loss show?

    python -m tests.unit.markdown.dialects [TEXTS [FIRST SEED]]

Each text comes as from a model and is laid out as it is there; each part is written as it is sent,
and the platform's answer is read by our reader and by another one. Then one readable character of
that answer is dropped, swapped or all is cut off from it: the receipt has to be `broken`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from playwright.sync_api import sync_playwright

from bot.render import Layout, Piece, restore, undecorated
from bot.runs.receipts import Evidence, Verdict, compare, of_screen
from connectors.markdown import Drawn, form
from tests import chromium as browser
from tests.browser.web import reading
from tests.unit.markdown.corpus import Sample, samples
from tests.unit.markdown.platforms import PAGE, PLATFORMS, Pieces, Platform, Reader

Way = Literal["dropped", "swapped", "cut"]
WAYS: tuple[Way, ...] = ("dropped", "swapped", "cut")
_TRIES = 20
"""So many characters are looked at for one that can be read."""


@dataclass
class Count:
    """What was found on one platform."""

    texts: int = 0
    equal: int = 0
    unproven: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    """Of texts on which something was wrong."""

    @property
    def good(self) -> bool:
        """Whether nothing was wrong, and every loss was found."""
        return not self.wrong and self.planted == self.found and self.unproven * 1_000 <= self.texts


def verdict(text: str, pieces: Sequence[Piece], drawn: Sequence[Drawn]) -> Verdict:
    """The receipt's, for a platform that draws so."""
    unknown = sorted({name for each in drawn for name in each.unknown})
    shown = restore(pieces, [each.text for each in drawn])
    return compare(text, Evidence(text), of_screen(shown, unknown=unknown)).verdict


def wrong(
    platform: Platform, text: str, pieces: Sequence[Piece], answers: Sequence[str]
) -> Iterator[str]:
    """What a second reader finds of the answers that is not as it must be."""
    if not platform.draws:
        if pieces and undecorated(pieces, answers) != text:
            yield "second reader"
    elif platform.second is not None:
        drawn = [Drawn(tuple(platform.second(answer))) for answer in answers]
        if verdict(text, pieces, drawn) is not Verdict.VERIFIED:
            yield "second reader"


def wrong_while_it_grows(platform: Platform, deltas: Iterable[str]) -> Iterator[str]:
    """What goes wrong while a text comes: what is read then, and what was appended is gone."""
    layout, text, shown = Layout(platform.limits), "", ""
    for delta in deltas:
        layout.append(delta)
        text += delta
        pieces = layout.pieces()
        if pieces and platform.read(platform.answer(pieces[-1].text)).text != form(pieces[-1].text):
            yield "growing"
        if platform.append is not None:
            before, shown = shown, platform.append(text, growing=True)
            whole = platform.append(text)
            if not (shown.startswith(before) and whole.startswith(shown)):
                yield "taken back"


def spoilt(pieces: Pieces, random: Random, way: Way) -> str | None:
    """An answer of which a letter or digit is dropped or swapped, or all from there on cut off."""
    spots = [
        (n, at)
        for n, text in enumerate(pieces.texts)
        for at, char in enumerate(text)
        if char.isalnum()
    ]
    if not spots:
        return None
    n, at = random.choice(spots)
    before, text, after = pieces.texts[:n], pieces.texts[n], pieces.texts[n + 1 :]
    if way == "cut":
        return pieces.joined([*before, text[:at], *("" for _ in after)])
    rest = text[at + 1 :]
    return pieces.joined(
        [*before, text[:at] + ("" if way == "dropped" else "\u2603") + rest, *after]
    )


def damaged(platform: Platform, answer: str, random: Random, way: Way) -> str | None:
    """An answer with a damage that a person can see; None where none was found."""
    pieces = platform.taken_apart(answer)
    seen = platform.second(answer) if platform.second else None
    for _ in range(_TRIES):
        changed = spoilt(pieces, random, way)
        if changed is None:
            return None
        if platform.second is None or platform.second(changed) != seen:
            return changed
    return None


def try_one(platform: Platform, sample: Sample, count: Count) -> None:
    """Counts what is found of one text."""
    text, layout = sample.text, Layout(platform.limits)
    layout.append(text)
    pieces = layout.pieces()
    answers = [platform.answer(piece.text) for piece in pieces]
    drawn = [platform.read(answer) for answer in answers]
    found = verdict(text, pieces, drawn)
    faults = [
        *(["reader"] if found is Verdict.BROKEN else []),
        *wrong(platform, text, pieces, answers),
        *wrong_while_it_grows(platform, sample.deltas),
    ]
    count.texts += 1
    count.unproven += found is Verdict.UNPROVEN
    count.equal += found is Verdict.VERIFIED and not faults
    count.wrong.update(set(faults))
    if faults or found is Verdict.UNPROVEN:
        count.names.append(f"{sample.name} ({', '.join(sorted({*faults, found.value}))})")
    if answers and found is Verdict.VERIFIED:
        _plant(platform, sample, pieces, answers, drawn, count)


def _plant(
    platform: Platform,
    sample: Sample,
    pieces: Sequence[Piece],
    answers: Sequence[str],
    drawn: Sequence[Drawn],
    count: Count,
) -> None:
    random = Random(sample.name)  # noqa: S311 - no secret
    part = random.randrange(len(answers))
    for way in WAYS:
        changed = damaged(platform, answers[part], random, way)
        if changed is None:
            continue
        others = [*drawn]
        others[part] = platform.read(changed)
        count.planted[way] += 1
        if verdict(sample.text, pieces, others) is Verdict.BROKEN:
            count.found[way] += 1
        else:
            count.names.append(f"{sample.name} ({way}, not found)")


def counted(platform: Platform, texts: Iterable[Sample]) -> Count:
    """What was found of some texts on one platform."""
    count = Count()
    for sample in texts:
        try_one(platform, sample, count)
    return count


@contextmanager
def read_by_a_browser() -> Iterator[Reader]:
    """The page's second reader."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.find(), args=browser.ARGUMENTS
        )
        page = chromium.new_page()
        page.set_content(reading.PAGE)

        def read(html: str) -> Sequence[str]:
            lines: list[str] = page.evaluate(reading.SCRIPT, html)
            return lines

        yield read
        chromium.close()


def main() -> int:
    """Prints the table, and what was wrong; 1 where anything is not as it should be."""
    count, first = [*map(int, sys.argv[1:]), *(2_000, 0)[len(sys.argv) - 1 :]][:2]
    found = {}
    with read_by_a_browser() as second:
        for platform in PLATFORMS:
            reads = replace(platform, second=second) if platform is PAGE else platform
            found[platform.name] = counted(reads, samples(count, first))
    sys.stdout.writelines(f"| {' | '.join(row)} |\n" for row in _rows(found))
    for name, each in found.items():
        sys.stdout.writelines(f"{name}: {wrong}\n" for wrong in each.names)
    return int(not all(each.good for each in found.values()))


def _rows(found: dict[str, Count]) -> Iterator[list[str]]:
    yield ["dialect", "texts", "equal", "wrong, by kind", "unproven", "damage planted", "found"]
    yield ["---", *["---:"] * 6]
    for name, each in found.items():
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(each.wrong.items()))
        numbers = each.unproven, each.planted.total(), each.found.total()
        yield [name, str(each.texts), str(each.equal), kinds or "0", *map(str, numbers)]


if __name__ == "__main__":
    sys.exit(main())

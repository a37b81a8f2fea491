"""What a text holds that must not leave: addresses, numbers with a check digit, own patterns.

A finder returns the spans of a text in which it sees something of its kind. Each takes time in
proportion to the text, whatever is in it; an own pattern has a deadline instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from ipaddress import ip_address
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from providers.registry import MASKED_KINDS

if TYPE_CHECKING:
    import regex  # type: ignore[import-untyped]


class ValueSpan(NamedTuple):
    """A part of a text, and what it is."""

    start: int
    end: int
    label: str


Found = Iterable[tuple[int, int]]
Finder = Callable[[str], Found]

PATTERN_SECONDS = 1.0
"""How long an own pattern may take for one text."""


class TooSlow(Exception):
    """An own pattern took longer for a text than it may; what the text holds is not known."""

    def __init__(self, label: str) -> None:
        super().__init__(f"the pattern {label} took longer than {PATTERN_SECONDS:g} s")
        self.label = label


# E-mail addresses: found by their sign, so that no text is walked twice.


_AT = re.compile(r"@|%40|&#64;|&#x40;|\\u0040", re.IGNORECASE)
_LOCAL_BACKWARDS = re.compile(r"[\w!#$&'*/=?^`{|}~.%+-]{1,64}")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}|\[[\da-fA-F.:]{3,45}\]")
_EDGES = "!#$&'*/=?^`{|}~."


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for at in _AT.finditer(text):
        before = text[max(0, at.start() - 64) : at.start()][::-1]
        local, domain = _LOCAL_BACKWARDS.match(before), _DOMAIN.match(text, at.end())
        if local is None or domain is None:
            continue
        named = local[0].rstrip(_EDGES)  # what stands before it: a quote, a slash
        if named:
            yield at.start() - len(named), domain.end()


# Numbers in groups: runs of digits and letters, apart by a mark, and windows of whole groups.


_GROUPS = re.compile(r"[0-9A-Za-z\uff10-\uff19]+")  # not the letters of scripts without spaces
_SPACES = frozenset({"", " ", "\u00a0", "  "})
_BETWEEN = _SPACES | {"-", ".", "/", ") ", ")", " (", "(", ") -", ")-", " / ", " - "}
_MOST_GROUPS = 8
_LEAST_DIGITS = 5
_LEAST, _MOST = 5, 34
_MOST_LETTERS = 4


class NumberWindow(NamedTuple):
    """Neighbouring groups: where they are, and what they are without the marks between them."""

    start: int
    end: int
    joined: str


class _Group(NamedTuple):
    start: int
    end: int
    word: str
    digits: int
    before: str
    """The mark between it and the group before it; None of its run's first."""


def _runs(text: str) -> Iterator[list[_Group]]:
    """Groups in a row of which each but the first is apart from the last one by a known mark.

    A run begins with a group that has a digit; one without may follow if it is short.
    """
    run: list[_Group] = []
    for found in _GROUPS.finditer(text):
        word = found[0]
        digits = 0 if word.isalpha() else sum(map(str.isdigit, word))
        mark = text[run[-1].end : found.start()] if run else ""
        if run and (mark not in _BETWEEN or len(word) > _MOST):
            yield run
            run, mark = [], ""
        if len(word) <= _MOST and (digits or (run and len(word) <= _MOST_LETTERS)):
            run.append(_Group(*found.span(), word, digits, mark))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _windows(text: str) -> list[NumberWindow]:
    """The windows of a text.

    One is cut off from its neighbours only at white space: the end of a UUID is no number.
    """
    return [window for run in _runs(text) for window in _windows_of(run)]


def _windows_of(run: list[_Group]) -> Iterator[NumberWindow]:
    last = len(run) - 1
    for stop, group in enumerate(run):
        if stop < last and run[stop + 1].before not in _SPACES:
            continue
        joined, digits = "", 0
        for first in reversed(run[max(0, stop - _MOST_GROUPS + 1) : stop + 1]):
            joined, digits = first.word + joined, digits + first.digits
            if len(joined) > _MOST:
                break
            fits = len(joined) >= _LEAST and digits >= _LEAST_DIGITS
            if fits and first.digits and first.before in _SPACES:
                yield NumberWindow(first.start, group.end, joined)


InWindows = Callable[[str, Sequence[NumberWindow]], Found]
"""A finder that is given the windows of the text, too."""


def _cards(_text: str, windows: Sequence[NumberWindow]) -> Found:
    for start, end, number in windows:
        if 13 <= len(number) <= 19 and number.isdecimal() and _luhn(number):
            yield start, end


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return any(digits) and (sum(digits[::2]) + doubled) % 10 == 0


def _ibans(_text: str, windows: Sequence[NumberWindow]) -> Found:
    from stdnum import iban

    for start, end, number in windows:
        named = len(number) >= 15 and number[:2].isalpha() and number[2:4].isdecimal()
        if named and iban.is_valid(number):
            yield start, end


# Telephone numbers: those of the whole world by their plus sign, others by what countries write.


_NATIONAL = re.compile(
    r"(?<![A-Za-z\d.,+-])(?:\(0?\d{1,5}\)|0\d{1,4})[ /-]{0,3}\d(?:[ /-]?\d){4,11}"
    r"(?![A-Za-z\d-]|[.,]\d)"
    r"|(?<![A-Za-z\d+-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![A-Za-z\d-])"
)
_DATE = re.compile(r"\b\d{1,4}[/-]\d{1,2}[/-]\d{1,4}\b")
_NO_PHONE = re.compile(r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b|\d\.\d{5}")
"""Dates, and fractions."""
_PLUS = re.compile(r"(?:\+|(?<!\d)00)[\s(]{0,2}\d")


def _phones(text: str) -> Found:
    whole = 0
    for plus in _PLUS.finditer(text):
        if plus.start() >= whole and (end := _end_of_phone(text, plus.start())) is not None:
            whole = end
            yield plus.start(), end
    for match in _NATIONAL.finditer(text):
        if not _DATE.search(match[0]):
            yield match.span()


def national(regions: Iterable[str]) -> InWindows:
    """Finds telephone numbers without a plus, by the rules of these regions."""
    known = tuple(regions)

    def found(text: str, windows: Sequence[NumberWindow]) -> Found:
        for start, end, number in windows:
            if not (7 <= len(number) <= 13 and number.isdecimal()):
                continue
            beside = text[start - 1 : start] == "+" or _NO_PHONE.search(text, start, end)
            if not beside and any(_is_phone(number, region) for region in known):
                yield start, end

    return found


_DIGITS = re.compile(r"(?:[\s().\-/\u00a0]{0,3}\d){1,15}")


def _end_of_phone(text: str, start: int) -> int | None:
    """Where a number that begins with a plus (or 00) ends, as far as it is a possible one."""
    begins = start + (1 if text[start] == "+" else 2)
    digits = _DIGITS.match(text, begins)
    if digits is None:
        return None
    ends = [at + 1 for at in range(begins, digits.end()) if text[at].isdigit()]
    for end in reversed(ends[5:]):
        if text[end : end + 1].isdigit():
            continue  # in the middle of a group
        if _is_phone("+" + re.sub(r"\D", "", text[begins:end]), None):
            return end
    return None


@lru_cache(maxsize=4096)
def _is_phone(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if region is None:
        return bool(phonenumbers.is_possible_number(parsed))
    return bool(phonenumbers.is_valid_number_for_region(parsed, region))


# Numbers by which states know people.


_BY_DIGITS: Mapping[int, tuple[str, ...]] = {
    8: ("au.tfn", "cl.rut"),
    9: ("au.tfn", "ca.sin", "cl.rut", "cz.rc", "il.idnr", "nl.bsn", "us.ssn"),
    10: ("at.vnr", "bg.egn", "cz.rc", "dk.cpr", "gb.nhs", "se.personnummer"),
    11: (
        "be.nn", "br.cpf", "de.idnr", "ee.ik", "gr.amka", "hr.oib", "lt.asmens",
        "no.fodselsnummer", "pl.pesel", "tr.tckimlik",
    ),
    12: ("in_.aadhaar", "my.nric", "se.personnummer"),
    13: ("ch.ssn", "kr.rrn", "ro.cnp", "th.pin", "za.idnr"),
    15: ("fr.nir",),
    16: ("id.nik",),
    18: ("cn.ric",),
}  # fmt: skip
"""Of python-stdnum's modules, those that `id` stands for: by the digits that their numbers have."""
_WITH_LETTERS: Mapping[str, re.Pattern[str]] = {
    "cl.rut": re.compile(r"\d{7,8}[Kk]"),
    "cn.ric": re.compile(r"\d{17}[Xx]"),
    "es.dni": re.compile(r"\d{8}[A-Za-z]"),
    "es.nie": re.compile(r"[XYZxyz]\d{7}[A-Za-z]"),
    "fi.hetu": re.compile(r"\d{6}[A-Fa-f]?\d{3}[A-Za-z\d]"),
    "fr.nir": re.compile(r"\d{5}2[ABab]\d{8}"),
    "it.codicefiscale": re.compile(r"[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z]"),
    "mx.curp": re.compile(r"[A-Za-z]{4}\d{6}[A-Za-z]{6}[A-Za-z\d]\d"),
    "pt.cc": re.compile(r"\d{9}[A-Za-z\d]{2}\d"),
}
"""Those whose numbers have letters, and what such a number looks like."""
PEOPLE_NUMBERS = frozenset(chain(*_BY_DIGITS.values(), _WITH_LETTERS))
_LOOSE = {
    "us.ssn": re.compile(r"\d{3}-\d{2}-\d{4}"),
    "ca.sin": re.compile(r"(\d{3}[ -]){2}\d{3}"),
    "au.tfn": re.compile(r"\d{3} \d{3} \d{2,3}"),
    "cl.rut": re.compile(r"[\d.]{7,10}-[\dKk]"),
    "cz.rc": re.compile(r"\d{6}/\d{3,4}"),
}
"""Too many numbers would pass these: only what is written as they are counts."""


_FRACTION = re.compile(r"\d+\.\d+")


def _people(text: str, windows: Sequence[NumberWindow]) -> Found:
    for start, end, number in windows:
        if number.isdecimal():
            known: Iterable[str] = _BY_DIGITS.get(len(number), ())
        else:
            known = (name for name, form in _WITH_LETTERS.items() if form.fullmatch(number))
        written = text[start:end]
        fraction = _FRACTION.fullmatch(written)
        if not fraction and any(_is_number(name, number, written) for name in known):
            yield start, end


def numbers(modules: Iterable[str]) -> InWindows:
    """Finds what one of these modules of python-stdnum takes for valid."""
    known = tuple(modules)

    def found(text: str, windows: Sequence[NumberWindow]) -> Found:
        for start, end, number in windows:
            if any(_is_number(name, number, text[start:end]) for name in known):
                yield start, end

    return found


@lru_cache(maxsize=8192)
def _is_number(name: str, number: str, written: str) -> bool:
    form = _LOOSE.get(name)
    if form is not None and not form.fullmatch(written):
        return False
    return _valid(name, number) or (written != number and _valid(name, written))


def _valid(name: str, number: str) -> bool:
    try:
        return bool(_module(name).is_valid(number))
    except Exception:  # noqa: BLE001 - of a library, whatever it is given
        return False


@cache
def _module(name: str) -> Any:
    return import_module(f"stdnum.{name}")


# Addresses of machines.


_ADDRESS = re.compile(
    r"(?<![A-Za-z\d.:])(?:(?:\d{1,3}\.){3}\d{1,3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,7})"
    r"(?![A-Za-z\d:])"
)


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _ADDRESS.finditer(text):
        try:
            ip_address(match[0])
        except ValueError:
            continue
        if len(match[0]) > 3:  # "::" is no one's
            yield match.span()


# Own patterns.


def own(label: str, pattern: str) -> Finder:
    """Finds what a pattern matches. Raises `TooSlow` where that takes too long."""
    import regex

    compiled: regex.Pattern[str] = regex.compile(pattern)

    def found(text: str) -> Iterator[tuple[int, int]]:
        try:
            for match in compiled.finditer(text, timeout=PATTERN_SECONDS):
                if match.end() > match.start():
                    yield match.span()
        except TimeoutError:
            raise TooSlow(label) from None

    return found


# All together.


_IN_TEXT: Mapping[str, Finder] = {"email": _emails, "phone": _phones, "ip": _addresses}
_IN_WINDOWS: Mapping[str, InWindows] = {"card": _cards, "iban": _ibans, "id": _people}


class Finders:
    """Finds what must not leave. `kinds` are those of the setting MASK: any that is none of
    `MASKED_KINDS` is a module of python-stdnum, such as `us.ssn`. `patterns` are own ones by
    label, and `regions` the countries whose telephone numbers are known without a plus.
    """

    def __init__(
        self,
        kinds: Iterable[str],
        patterns: Mapping[str, str] | None = None,
        regions: Iterable[str] = (),
    ) -> None:
        wanted = list(dict.fromkeys(kinds))
        self._in_text = [(kind.upper(), _IN_TEXT[kind]) for kind in wanted if kind in _IN_TEXT]
        self._in_text += [(label, own(label, text)) for label, text in (patterns or {}).items()]
        self._in_windows = [
            (kind.upper(), _IN_WINDOWS[kind]) for kind in wanted if kind in _IN_WINDOWS
        ]
        if "phone" in wanted and (known := tuple(regions)):
            self._in_windows.append(("PHONE", national(known)))
        if modules := [kind for kind in wanted if kind not in MASKED_KINDS]:
            self._in_windows.append(("ID", numbers(modules)))

    @property
    def labels(self) -> frozenset[str]:
        """What the spans can be."""
        return frozenset(label for label, _ in (*self._in_text, *self._in_windows))

    def __call__(self, text: str) -> list[ValueSpan]:
        """The spans in a text, in order, none of which touches another: where several kinds
        overlap, one span has all of it. Raises `TooSlow`.
        """
        spans = sorted(self._spans(text), key=lambda span: (span.start, -span.end))
        merged: list[ValueSpan] = []
        for span in spans:
            if merged and span.start < merged[-1].end:
                last = merged[-1]
                merged[-1] = last._replace(end=max(last.end, span.end))
            else:
                merged.append(span)
        return merged

    def _spans(self, text: str) -> Iterator[ValueSpan]:
        for label, finder in self._in_text:
            yield from (ValueSpan(start, end, label) for start, end in finder(text))
        windows = _windows(text) if self._in_windows else []
        for label, in_windows in self._in_windows if windows else ():
            yield from (ValueSpan(start, end, label) for start, end in in_windows(text, windows))

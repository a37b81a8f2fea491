"""Conversations that hold what must not leave, models that answer with placeholders in every state,
and an own judge of both: it shares no code with what masks and restores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hypothesis import strategies as st

from providers.base import Request

PATTERNS = {"CUSTOMER": r"K-\d{6}", "HALF": r"(?i)zyx", "AROUND": r"user:\S+;"}
"""Own patterns: one that matches half a word, and one that has other kinds of values in it."""
KINDS = ("email", "phone", "card", "iban", "id", "ip")
LIKE = re.compile(r"MASKED-[A-Z0-9]+-\d+-[A-Z0-9]{6}")


def _card(digits: str) -> str:
    """The number with its check digit."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if at % 2 else 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def _iban(account: str) -> str:
    """A German account number with its check digits."""
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _spaced(number: str, by: str) -> str:
    return by.join(number[at : at + 4] for at in range(0, len(number), 4))


_NAMES = st.sampled_from(["ann", "bob.lee", "o'neil", "x+y", "张伟", "j-m", "a_b", "Zoë"])
_HOSTS = st.sampled_from(["example.com", "mail.example.co.uk", "例え.jp", "x-y.org", "EXAMPLE.COM"])
_DIGITS = st.text("0123456789", min_size=5, max_size=5)
EMAILS = st.builds("{}@{}".format, _NAMES, _HOSTS)
PHONES = st.builds(
    lambda rest, form: form.format(*rest),
    _DIGITS,
    st.sampled_from(
        ["+49 30 12{}{}{}{}{}", "+1 202 555 0{}{}{}", "+86 138 0013 {}{}{}{}", "030 / 12{}{}{}{}{}"]
    ),
)
CARDS = st.builds(
    lambda rest, by: _spaced(_card(f"4111{rest}{rest}1"), by), _DIGITS, st.sampled_from("- ")
)
IBANS = st.builds(
    lambda rest, by: _spaced(_iban(f"37040044{rest}00000"), by),
    _DIGITS,
    st.sampled_from(["", " "]),
)
NUMBERS = st.sampled_from(["536-90-4399", "11010519491231002X", "131052-308T"])
MACHINES = st.sampled_from(["192.168.1.20", "2001:db8::1", "10.0.0.7"])
OWN = st.sampled_from(["K-123456", "K-000001", "zyx", "ZYX", "user:ann@example.com;", "user:4;"])
VALUES = st.one_of(EMAILS, PHONES, CARDS, IBANS, NUMBERS, MACHINES, OWN)

_PLAIN = st.sampled_from(
    ["Hello", "M", "MASKED", "MASKED-", "MASKED-EMAIL-1-", "MASKED-EMAIL-1-ABCDEF", "mazyxe",
     "**b**", "`code`", "说", "😀", "\n\n", "| a | b |", "MM", "{", "the end", "EMAIL", "-1-", "1"]
)  # fmt: skip
_STATES = st.sampled_from(
    ["whole", "twice", "lower", "spaced", "cut", "more", "number", "nonce", "kind", "escaped"]
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is asked, and what a model answers: plain texts, and the number of a placeholder with
    the state that it writes it in.
    """

    question: str
    earlier: tuple[str, ...]
    values: tuple[str, ...]
    answer: tuple[str | tuple[int, str], ...]
    cuts: tuple[int, ...]
    breaks_at: int
    """After so many tokens the first model breaks off, and another goes on; 0: it does not."""

    def raw(self, placeholders: Sequence[str]) -> str:
        """The answer as the service sends it."""
        return "".join(_written(part, placeholders) for part in self.answer)

    def tokens(self, raw: str) -> list[str]:
        """The answer in pieces."""
        pieces, at, n = [], 0, 0
        while at < len(raw):
            size = self.cuts[n % len(self.cuts)]
            pieces.append(raw[at : at + size])
            at, n = at + size, n + 1
        return pieces


def _written(part: str | tuple[int, str], placeholders: Sequence[str]) -> str:
    if isinstance(part, str):
        return part
    if not placeholders:
        return "none"
    placeholder = placeholders[part[0] % len(placeholders)]
    head, kind, number, nonce = placeholder.split("-")
    states = {
        "twice": placeholder * 2,
        "lower": placeholder.lower(),
        "spaced": placeholder.replace("-", " "),
        "cut": placeholder[: len(placeholder) - 1 - part[0] % 20],
        "more": f"x{placeholder}s",
        "number": f"{head}-{kind}-{int(number) + 5000}-{nonce}",
        "nonce": f"{head}-{kind}-{number}-{nonce[::-1]}",
        "kind": f"{head}-X{kind}-{number}-{nonce}",
        "escaped": placeholder.replace("-", "\\-"),
    }
    return states.get(part[1], placeholder)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Conversations with at least a value, some of them within other words."""
    values = draw(st.lists(VALUES, min_size=1, max_size=5))
    texts = []
    for _ in range(draw(st.integers(1, 3))):
        some = draw(st.lists(st.one_of(_PLAIN, st.sampled_from(values)), min_size=1, max_size=5))
        texts.append(draw(st.sampled_from([" ", ", ", "\n"])).join(some))
    question = f"{texts[0]} {values[0]}."
    parts = st.one_of(_PLAIN, st.tuples(st.integers(0, 30), _STATES))
    answer = draw(st.lists(parts, min_size=1, max_size=6))
    cuts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    breaks_at = draw(st.sampled_from([0, 0, 0, 1, 2, 5]))
    return Conversation(
        question, tuple(texts[1:]), tuple(values), tuple(answer), tuple(cuts), breaks_at
    )


# The judge.


def texts_of(request: Request) -> Iterator[str]:
    """Every string of a request, wherever it is: of JSON, that which is in it."""
    yield from _strings({"turns": [asdict(turn) for turn in request.turns]})
    yield from _strings([asdict(tool) for tool in request.tools])


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
        try:
            inner = json.loads(told)
        except ValueError:
            return
        if not isinstance(inner, str):
            yield from _strings(inner)
    elif isinstance(told, Mapping):
        yield from _strings([*told, *told.values()])
    elif isinstance(told, Iterable):
        for each in told:
            yield from _strings(each)
    elif told is not None:
        yield str(told)


def held(request: Request, values: Iterable[str]) -> list[str]:
    """The values that a request holds outside of placeholders."""
    texts = [piece for text in texts_of(request) for piece in LIKE.split(text)]
    return [value for value in values if any(value in text for text in texts)]


def expected(raw: str, issued: Mapping[str, str]) -> str:
    """What has to be shown of an answer: placeholders that were issued replaced, one that the end
    cuts off left out, and all else as it is.
    """
    shown, at = [], 0
    while at < len(raw):
        whole = next((each for each in issued if raw.startswith(each, at)), None)
        rest = raw[at:]
        if whole is not None:
            shown.append(issued[whole])
            at += len(whole)
        elif rest.startswith("MASKED-") and any(each.startswith(rest) for each in issued):
            break
        else:
            shown.append(raw[at])
            at += 1
    return "".join(shown)

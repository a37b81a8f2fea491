"""A service's own words for the operator, without secrets and without the conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from providers.failures import chain

_LONGEST = 300
_LOOKED_AT = 2_000
_KEY, _QUOTE = "[key]", "[…]"
_WINDOW, _DENSE_WINDOW = 16, 6
"""So many characters in a row that stand in the conversation too are taken for a quote of it; the
second where they are none of ASCII's, as in Chinese."""
_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization")
_SECRETS = re.compile(
    r"\b(?:Bearer|Basic)\s+\S+"
    r"|\b(?:sk|pk|rk|xai|gsk|or|hf|nvapi|AIza|eyJ)[-_A-Za-z0-9*.\u2026]{6,}"
    r"|\b(?=[A-Za-z0-9_\-]*\d)(?=[A-Za-z0-9_\-]*[A-Za-z])[A-Za-z0-9_\-]{24,}"
    r"|\b\w*\*{3,}\w*"
    r"|(?<=://)[^\s/@]+@"
)
"""What looks like a key: by its beginning, by its length and mix, or with stars in it."""


def redacted(said: str, asked: Sequence[str], error: BaseException) -> str:
    """One short line of what a service said.

    Without the keys of the request, what looks like a key, and whatever stands in `asked` too.
    """
    for secret in _secrets(error):
        said = said.replace(secret, _KEY)
    said = said[:_LOOKED_AT]
    for text in asked:
        said = _without(said, text)
    said = " ".join(_SECRETS.sub(_KEY, said).split())
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _secrets(error: BaseException) -> Iterator[str]:
    """What the request was signed with."""
    for link in chain(error):
        try:
            headers = link.request.headers  # type: ignore[attr-defined]  # where there is one
        except (AttributeError, RuntimeError):
            continue
        told = (headers.get(name, "") for name in _HEADERS)
        yield from (value.split(" ")[-1] for value in told if len(value) >= 4)


def _without(said: str, text: str) -> str:
    """What was said, but for every run of characters that stands in the text too."""
    forms = {text.strip(), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    for form in forms:
        if 2 < len(form) < _WINDOW:
            said = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _QUOTE, said, flags=re.I)
    known = "\n".join(forms).lower()
    covered = _covered(said.lower(), known)
    pieces: list[str] = []
    for at, letter in enumerate(said):
        if not covered[at]:
            pieces.append(letter)
        elif not at or not covered[at - 1]:
            pieces.append(_QUOTE)
    return "".join(pieces)


def _covered(said: str, known: str) -> list[bool]:
    covered = [False] * len(said)
    for size in (_WINDOW, _DENSE_WINDOW):
        for at in range(len(said) - size + 1):
            run = said[at : at + size]
            if (size == _WINDOW or _is_dense(run)) and run in known:
                covered[at : at + size] = [True] * size
    return covered


def _is_dense(run: str) -> bool:
    return not any(letter.isascii() for letter in run)

"""Which files are worth fetching, from what the platform says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.attachments.kinds import Kind, kind_of
from bot.attachments.limits import FileLimits
from bot.attachments.names import line, shown_name, too_large, unreadable
from bot.words import Sentence
from connectors.base import File

_MOST_NAMED = 5
_TOO_MANY = {
    (True, True): "files.one_of_one",
    (False, True): "files.several_of_one",
    (True, False): "files.one_of_several",
    (False, False): "files.several_of_several",
}
"""By whether one file was left out, and whether one may be attached."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files to fetch, and for the reader one line on each reason why others are left out."""

    taken: tuple[File, ...]
    left_out: tuple[Sentence, ...]


def choose(files: Sequence[File], limits: FileLimits, sees: bool) -> Chosen:
    """The first files that can be read; `sees` says whether the model takes images.

    Sizes are the platform's word here; a `Reader` counts again.
    """
    reasons = [_why_not(file, limits, sees) for file in files]
    readable = [file for file, reason in zip(files, reasons, strict=True) if reason is None]
    left_out = [reason for reason in reasons if reason is not None]
    if surplus := readable[limits.files :]:
        left_out.append(_too_many(surplus, limits.files))
    return Chosen(tuple(readable[: limits.files]), tuple(left_out))


def _why_not(file: File, limits: FileLimits, sees: bool) -> Sentence | None:
    kind = kind_of(file)
    if kind is Kind.OTHER:
        return unreadable(file.name)
    if kind is Kind.IMAGE and not sees:
        return line(file.name, Sentence("file.not_seen"))
    most = limits.bytes_of(kind)
    return too_large(file.name, file.size, most) if file.size > most else None


def _too_many(surplus: Sequence[File], most: int) -> Sentence:
    named = ", ".join(shown_name(file.name) for file in surplus[:_MOST_NAMED])
    names: str | Sentence = named
    if len(surplus) > _MOST_NAMED:
        more = Sentence("files.more", {"count": len(surplus) - _MOST_NAMED})
        names = Sentence("list.comma", {"first": named, "rest": more})
    id_ = _TOO_MANY[len(surplus) == 1, most == 1]
    return Sentence(id_, {"most": most, "names": names})

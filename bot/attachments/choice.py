"""Which files are worth fetching, from what the platform says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.attachments.kinds import Kind, kind_of
from bot.attachments.limits import FileLimits
from bot.attachments.names import shown_name, too_large, unreadable
from connectors.base import File

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files to fetch, and for the reader one line on each reason why others are left out."""

    taken: tuple[File, ...]
    left_out: tuple[str, ...]


def choose(files: Sequence[File], limits: FileLimits, sees: bool) -> Chosen:
    """The first files that can be read; `sees` says whether the model takes images.

    Sizes are the platform's word here; a `Reader` counts again.
    """
    reasons = [_why_not(file, limits, sees) for file in files]
    readable = [file for file, reason in zip(files, reasons, strict=True) if not reason]
    left_out = [reason for reason in reasons if reason]
    if surplus := readable[limits.files :]:
        left_out.append(_too_many(surplus, limits.files))
    return Chosen(tuple(readable[: limits.files]), tuple(left_out))


def _why_not(file: File, limits: FileLimits, sees: bool) -> str:
    kind = kind_of(file)
    if kind is Kind.OTHER:
        return unreadable(file.name)
    if kind is Kind.IMAGE and not sees:
        return f"{shown_name(file.name)}: the model that answers can't see images"
    most = limits.bytes_of(kind)
    return too_large(file.name, file.size, most) if file.size > most else ""


def _too_many(surplus: Sequence[File], most: int) -> str:
    names = [shown_name(file.name) for file in surplus[:_MOST_NAMED]]
    if len(surplus) > _MOST_NAMED:
        names.append(f"{len(surplus) - _MOST_NAMED} more")
    verb = "was" if len(surplus) == 1 else "were"
    files = "file" if most == 1 else "files"
    return f"{most} {files} at most: {', '.join(names)} {verb} left out"

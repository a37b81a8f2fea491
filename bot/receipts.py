"""The receipt: what was generated, what was recorded and what is shown, compared.

Three witnesses that know nothing of each other: the provider's own reading, the token log read
back, and the platform's own answers. The verdict is stored with the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from bot.render import first_difference
from bot.store import Recorded
from connectors.markdown import VERSION, plain


class Verdict(StrEnum):
    """What the comparison found."""

    VERIFIED = "verified"
    MENDED = "mended"
    BROKEN = "broken"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Witness:
    """One text, by its length in characters and its SHA-256."""

    chars: int
    sha256: str

    @classmethod
    def of(cls, text: str) -> Witness:
        """Measures a text."""
        return cls(len(text), hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest())


@dataclass(frozen=True, slots=True)
class Fault:
    """A link of the chain that lost or changed something, and where.

    `recorded` is the token log, `delivered` the way from the model to the reply's buffer,
    `shown` the screen. `position` is the first character that differs, if it is known.
    """

    link: Literal["recorded", "delivered", "shown"]
    position: int | None
    detail: str

    def __str__(self) -> str:
        where = "" if self.position is None else f" at character {self.position}"
        return f"{self.link}{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The verdict on one run, and what it stands on. A witness is None where it can't be had."""

    verdict: Verdict
    generated: Witness | None
    recorded: Witness | None
    shown: Witness | None
    faults: tuple[Fault, ...] = ()
    unproven: str = ""
    """Why the comparison could not be made in full."""
    plain: int = VERSION
    """By which version of the normal form (`connectors.markdown.plain`) what is shown was compared:
    `shown` is the Markdown of which all can be read."""
    unknown: tuple[str, ...] = ()
    """The blocks of the platform's answer, by name, of which it can't be said what they show."""
    late: bool = False
    """Whether the token log was away at the run's end, and the comparison was made afterwards."""

    def as_dict(self) -> dict[str, Any]:
        """As it is stored and printed."""
        return {**asdict(self), "faults": [asdict(fault) for fault in self.faults]}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A witness's text, or why there is none. `broken` says that its link is at fault for that.

    `unknown` names what the witness has seen and does not know.
    """

    text: str | None
    reason: str = ""
    broken: bool = False
    unknown: tuple[str, ...] = ()


def of_log(recorded: Recorded, tokens: int, reason: str = "") -> Evidence:
    """What the token log says, of whose `tokens` it should have every one."""
    if recorded.first_missing is not None:
        reason = f"token {recorded.first_missing} is missing"
    elif recorded.count != tokens:
        reason = reason or f"{recorded.count} tokens of {tokens}"
    return Evidence(recorded.text, reason, broken=recorded.count != tokens)


def of_screen(text: str, reason: str = "", unknown: Sequence[str] = ()) -> Evidence:
    """What the messages show; nothing is known of that where they have `unknown` blocks."""
    if unknown:
        return Evidence(None, f"the platform shows {', '.join(unknown)}", unknown=tuple(unknown))
    return Evidence(text, reason)


def compare(
    generated: str,
    recorded: Evidence,
    shown: Evidence,
    delivery_lost_at: int | None = None,
    delivery_fault: str | None = None,
) -> Receipt:
    """Compares the three texts.

    A break of the record or of the screen is `broken`; a loss on the way to the reply's buffer
    that the last edit made good is `mended`.
    """
    faults = [
        *_difference("recorded", generated, recorded),
        *_delivery(delivery_lost_at, delivery_fault),
        *_difference("shown", generated, shown),
    ]
    unknown = [t.reason for t in (recorded, shown) if t.text is None and not t.broken]
    return Receipt(
        verdict=_verdict(faults, bool(unknown)),
        generated=Witness.of(generated),
        recorded=_witness(recorded),
        shown=_witness(shown),
        faults=tuple(faults),
        unproven="; ".join(unknown),
        unknown=shown.unknown,
    )


def links(
    receipt: Receipt, delivered: str, shown: str | None
) -> Iterator[tuple[str, Witness | None]]:
    """Each link of a token's way, and the text that it had; None where that can't be had.

    Provider, recording and delivery have the source; the platform's is what can be read of what
    is `shown`, in the normal form: it is the same as of the source where all of it arrived.
    """
    yield "provider", receipt.generated
    yield "recording", receipt.recorded
    yield "delivery", Witness.of(delivered)
    readable = None if receipt.shown is None or shown is None else "\n".join(plain(shown))
    yield "platform", None if readable is None else Witness.of(readable)


def summary(receipt: Receipt, tokens: int) -> str:
    """The receipt in few words, for the small print under an answer."""
    count = "1 token" if tokens == 1 else f"{tokens} tokens"
    match receipt.verdict:
        case Verdict.VERIFIED:
            return f"{count}: generated = recorded = shown · verified"
        case Verdict.MENDED:
            return f"{count}: generated = recorded = shown · mended"
        case Verdict.UNPROVEN:
            return f"{count} · unproven: {receipt.unproven}"
        case Verdict.BROKEN:
            return f"{count} · broken: {receipt.faults[0]}"


def _verdict(faults: Sequence[Fault], unknown: bool) -> Verdict:
    if any(fault.link != "delivered" for fault in faults):
        return Verdict.BROKEN
    if unknown:
        return Verdict.UNPROVEN
    return Verdict.MENDED if faults else Verdict.VERIFIED


def _difference(
    link: Literal["recorded", "shown"], generated: str, evidence: Evidence
) -> list[Fault]:
    text = generated if evidence.text is None else evidence.text
    position = first_difference(generated, text)
    if position is None:
        return [Fault(link, None, evidence.reason)] if evidence.broken else []
    detail = f"{len(text)} characters against {len(generated)} generated"
    reason = f" ({evidence.reason})" if evidence.reason else ""
    return [Fault(link, position, detail + reason)]


def _delivery(lost_at: int | None, fault: str | None) -> list[Fault]:
    if lost_at is None and fault is None:
        return []
    return [Fault("delivered", lost_at, fault or "the reply's buffer lacked text")]


def _witness(evidence: Evidence) -> Witness | None:
    return None if evidence.text is None else Witness.of(evidence.text)

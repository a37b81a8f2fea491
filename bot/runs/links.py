"""Which link of the chain lost a token first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.receipts import Fault
from bot.runs.run import Result

Link = Literal["provider", "recording", "log", "delivery", "connector"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A link that lost something, and what is known of it.

    `provider` is the way from the model to the callbacks, `recording` the handler before the token
    `log`, `delivery` the handler before the reply, `connector` the screen.
    """

    link: Link
    detail: str

    def __str__(self) -> str:
        return f"{self.link}: {self.detail}"


def first_loss(result: Result, said: str | None = None) -> Loss | None:
    """The first link of a run that lost something, in the order of a token's way; None: none did.

    `said` is what the model said, where that is known.
    """
    faults = {fault.link: fault for fault in result.receipt.faults}
    recorded, delivered = faults.get("recorded"), faults.get("delivered")
    if said is not None and result.text != said:
        return Loss("provider", f"{len(result.text)} characters of {len(said)} were read")
    short = result.handed_on < result.tokens
    if recorded and delivered and short:
        return Loss("provider", f"callbacks had {result.handed_on} tokens of {result.tokens}")
    if recorded:
        return _loss("recording" if short else "log", recorded)
    if delivered:
        return _loss("delivery", delivered)
    if (shown := faults.get("shown")) is not None:
        return _loss("connector", shown)
    return Loss("connector", result.receipt.unproven) if result.receipt.unproven else None


def _loss(link: Link, fault: Fault) -> Loss:
    where = "" if fault.position is None else f"from character {fault.position} on, "
    return Loss(link, where + fault.detail)

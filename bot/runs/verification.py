"""The three-way comparison once more, long after the run: the screen is read back."""

from __future__ import annotations

from collections.abc import Sequence

from bot.receipts import Evidence, Receipt, Verdict, compare, of_log, of_screen
from bot.render import Piece, restore
from bot.store import MessageRow, RunRow, Store
from connectors.base import Connector, ConnectorError, Gone


async def verify(row: RunRow, store: Store, connector: Connector | None) -> Receipt:
    """Compares a run's generated text, its token log, and what its platform shows now.

    `connector` is None where the run's platform is not configured here. Raises
    `StoreUnavailable`.
    """
    if row.end is None:
        return _unproven("the run has not ended: it is under way, or its process died")
    if row.text_deleted_us is not None:
        return _unproven("its text was deleted when its time was over")
    recorded = of_log(await store.tokens.recorded(row.start.run_id), row.end.tokens)
    return compare(row.end.generated_text, recorded, await _shown(row, store, connector))


def _unproven(reason: str) -> Receipt:
    return Receipt(Verdict.UNPROVEN, None, None, None, unproven=reason)


async def _shown(row: RunRow, store: Store, connector: Connector | None) -> Evidence:
    if connector is None:
        return Evidence(
            None, f"{row.start.place.connector} is not set up here, so it can't be read back"
        )
    messages = await store.messages.read(row.start.run_id)
    pieces = pieces_of(messages, "" if row.end is None else row.end.generated_text)
    try:
        shown = [await connector.read(message.ref) for message in messages]
    except Gone:
        return Evidence(None, "a message of the answer was deleted")
    except ConnectorError as error:
        return Evidence(None, str(error))
    text = restore(pieces, [each.text for each in shown])
    return of_screen(text, unknown=sorted({name for each in shown for name in each.unknown}))


def pieces_of(messages: Sequence[MessageRow], generated: str) -> list[Piece]:
    """The parts with the slices of a generated text that their messages are to show."""
    pieces, at = [], 0
    for m in messages:
        start = at + len(m.lead)
        body = generated[start : start + (m.chars or 0)]
        pieces.append(Piece(m.lead, m.head, body, m.tail, m.trail))
        at = start + len(body) + len(m.trail)
    return pieces

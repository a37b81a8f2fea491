"""What Discord is told of an interaction, within the three seconds that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.discord.inbound.interactions import Interaction
from connectors.discord.rest import Rest

EPHEMERAL = 1 << 6
"""The flag of a message that one person sees."""

_MESSAGE, _DEFERRED, _DEFERRED_UPDATE, _MODAL = 4, 5, 6, 9
_MENTIONS_NOBODY: Mapping[str, Any] = {"parse": []}


class Acknowledgements:
    """Each interaction is acknowledged once. All methods raise `ConnectorError`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def say(self, interaction: Interaction, text: str) -> None:
        """Answers with a text for the eyes of the person alone."""
        data = {"content": text, "flags": EPHEMERAL, "allowed_mentions": _MENTIONS_NOBODY}
        await self._tell(interaction, {"type": _MESSAGE, "data": data})

    async def defer(self, interaction: Interaction, *, ephemeral: bool = False) -> None:
        """Says that the response will come."""
        data = {"flags": EPHEMERAL} if ephemeral else {}
        await self._tell(interaction, {"type": _DEFERRED, "data": data})

    async def note(self, interaction: Interaction) -> None:
        """Says that a press was heard; the message stays as it is."""
        await self._tell(interaction, {"type": _DEFERRED_UPDATE})

    async def show(self, interaction: Interaction, modal: Mapping[str, Any]) -> None:
        """Opens a form."""
        await self._tell(interaction, {"type": _MODAL, "data": modal})

    async def amend(self, interaction: Interaction, text: str) -> None:
        """Puts a text where a response was promised."""
        await self._rest.call(
            "PATCH",
            "/webhooks/{application}/{token}/messages/@original",
            json={"content": text, "allowed_mentions": _MENTIONS_NOBODY},
            application=interaction.application,
            token=interaction.token,
        )

    async def whisper(self, interaction: Interaction, text: str) -> None:
        """Says something more to the person alone."""
        await self._rest.call(
            "POST",
            "/webhooks/{application}/{token}",
            json={"content": text, "flags": EPHEMERAL, "allowed_mentions": _MENTIONS_NOBODY},
            application=interaction.application,
            token=interaction.token,
        )

    async def _tell(self, interaction: Interaction, body: Mapping[str, Any]) -> None:
        try:
            await self._rest.call(
                "POST",
                "/interactions/{interaction}/{token}/callback",
                json=body,
                interaction=interaction.id,
                token=interaction.token,
            )
        finally:
            # Whoever waits for it goes on in any case: what its token opens, Discord says itself.
            interaction.told.set()

"""What people are called in a server: the name that the others there see."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.base import ConnectorError
from connectors.discord.inbound.text import name_of
from connectors.discord.places import DM
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

User = Mapping[str, Any]

_MOST_ASKED = 10
"""So many names are asked for at once; the others are called as everywhere on Discord."""
_REMEMBERED = 5_000


class People:
    """Names by server and id; each is asked for once."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def names(self, guild: str, users: Iterable[User]) -> dict[str, str]:
        """What each of these users is called in a server, or in direct messages."""
        everybody = {str(user["id"]): user for user in users}
        if guild != DM:
            unknown = [u for id_, u in everybody.items() if (guild, id_) not in self._names]
            for user in [each for each in unknown if not each.get("bot")][:_MOST_ASKED]:
                await self._ask(guild, user)
        return {
            id_: self._names.get((guild, id_), name_of(user)) for id_, user in everybody.items()
        }

    async def _ask(self, guild: str, user: User) -> None:
        try:
            member = await self._rest.call(
                "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=guild, user_id=user["id"]
            )
        except ConnectorError as error:
            log.debug("discord told no name: %s", error)
            return
        self._names[guild, str(user["id"])] = name_of(user, member)
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)

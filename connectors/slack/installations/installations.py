"""The bot's tokens for the workspaces that installed it, encrypted in the bot's database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import Route

from connectors.base import Refused, Unavailable
from connectors.keys import Keys
from connectors.slack.api import Api, OneToken
from connectors.slack.errors import code_of
from connectors.slack.installations.oauth import OAuthFlow
from connectors.slack.installations.table import InstallationTable, Row
from connectors.slack.options import OAuth, SlackOptions

log = logging.getLogger(__name__)

_LIFE_S = 30.0
"""Other processes install and forget too: what they did is seen within so many seconds."""
_DEAD = frozenset({"account_inactive", "invalid_auth", "token_revoked"})
"""What Slack says of a token that was revoked."""


@dataclass(frozen=True, slots=True)
class _CachedToken:
    token: str = field(repr=False)
    until: float
    """In the loop's time."""


class Installations:
    """Where the bot's token for each workspace comes from; see `Tokens`.

    `engine` is its owner's to close, its tables are made by the bot's migrations. Raises
    `ValueError` where a key of `options.oauth` is no Fernet key.
    """

    def __init__(self, engine: AsyncEngine, options: SlackOptions, oauth: OAuth) -> None:
        self._api_url = options.api_url
        self._table = InstallationTable(engine)
        self._keys = Keys(oauth.encryption_keys)
        self._known: dict[str, _CachedToken] = {}
        self._pages = OAuthFlow(options.api_url, oauth, self._keys, self._table.use, self.save)
        self._cure = f"install the app there: {self.install_url}"

    @property
    def install_url(self) -> str:
        """Where somebody installs the app in a workspace."""
        return self._pages.install_url

    def routes(self) -> Sequence[Route]:
        """The pages on which a workspace installs the app."""
        return self._pages.routes()

    async def of(self, team: str) -> str:
        """The token for a workspace. Raises `Refused` with the cure, and `Unavailable`."""
        known = self._known.get(team)
        if known is not None and _now() < known.until:
            return known.token
        try:
            row = await self._table.find(team)
        except Unavailable:
            if known is None:
                raise
            return known.token
        if row is None:
            self._known.pop(team, None)
            raise Refused(f"The bot isn't installed in workspace {team}: {self._cure}")
        return await self._opened(row)

    async def save(self, team: str, name: str, token: str) -> None:
        """The app was installed in a workspace, for the first time or again."""
        await self._table.put(Row(team, name, self._keys.encrypted(token)))
        self._remember(team, token)

    async def forget(self, team: str) -> None:
        """The app was taken out of a workspace.

        Slack may say so late, when the app has been installed there again: only a token that
        Slack no longer takes is forgotten. Raises `Unavailable` where Slack can't be asked.
        """
        self._known.pop(team, None)
        row = await self._table.find(team)
        if row is None:
            return
        token = self._keys.decrypted(row.token)
        if token is None or await self._is_dead(token):
            await self._table.remove(row)
            log.warning("the app was taken out of workspace %s (%s)", team, row.name)

    async def teams(self) -> dict[str, str]:
        """The workspaces in which the app is installed: their names by their ids."""
        return {row.team: row.name for row in await self._table.all()}

    async def aclose(self) -> None:
        """Waits for the changes that are running."""
        await self._table.aclose()

    async def _opened(self, row: Row) -> str:
        token = self._keys.decrypted(row.token)
        if token is None:
            raise Refused(
                f"The token for workspace {row.team} ({row.name}) is encrypted with a key that is "
                f"not among ENCRYPTION_KEYS: add that key, or {self._cure}"
            )
        if self._keys.is_old(row.token):
            await self._table.replace(row, self._keys.encrypted(token))
        self._remember(row.team, token)
        return token

    def _remember(self, team: str, token: str) -> None:
        self._known[team] = _CachedToken(token, _now() + _LIFE_S)

    async def _is_dead(self, token: str) -> bool:
        api = Api(self._api_url, OneToken(token))
        try:
            await api.call("", "auth.test")
        except Refused as error:
            return code_of(error) in _DEAD
        finally:
            await api.aclose()
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()

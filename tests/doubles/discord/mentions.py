"""Whom a text rings: what stands in it, and what `allowed_mentions` lets through."""

from __future__ import annotations

import re

from tests.doubles.discord.model import JSON, Guild, Mentions

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


def find_mentions(
    text: str, allowed: JSON | None, guild: Guild | None, *, mighty: bool, replied: str | None
) -> Mentions:
    """The mentions of a new text.

    `allowed` is the body's `allowed_mentions`: absent, everything rings. `mighty` says that the
    author may mention everyone and every role. `replied` is the author of what it replies to.
    """
    users = [user for user in _USER.findall(text) if _passes(allowed, "users", user)]
    roles = [role for role in _ROLE.findall(text) if _passes(allowed, "roles", role)]
    roles = [
        role for role in roles if guild and role in guild.roles and _rings(guild, role, mighty)
    ]
    everyone = _EVERYONE.findall(text) if guild and mighty and _passes(allowed, "everyone") else []
    reply = replied if replied and (allowed is None or allowed.get("replied_user")) else None
    pings = [*everyone, *(f"user:{u}" for u in users), *(f"role:{r}" for r in roles)]
    pings += [f"reply:{reply}"] if reply else []
    named = [*users, reply] if reply else users
    return Mentions(_once(named), _once(roles), bool(everyone), _once(pings))


def _passes(allowed: JSON | None, kind: str, id_: str = "") -> bool:
    if allowed is None or kind in allowed.get("parse", []):
        return True
    return bool(id_) and id_ in [str(named) for named in allowed.get(kind, [])]


def _rings(guild: Guild, role: str, mighty: bool) -> bool:
    return mighty or guild.roles[role].mentionable


def _once(ids: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))

"""Who somebody is: a platform, the realm in which its ids are unique, and the id there.

An operator writes an account as `discord:123`, `web:abc`, `slack:T024/U024` or `slack:U024`. The
last one, without a realm, is a person of the bot's own workspace where something is granted, and
anybody of that id where something is denied: a stranger who happens to have the id gets nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connectors.base import Person, Place


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One person on one platform."""

    connector: str
    realm: str
    id: str

    @classmethod
    def of(cls, place: Place, person: Person) -> Account:
        """The account of a person who does something in a place."""
        return cls(place.connector, person.realm, person.id)

    def __str__(self) -> str:
        return f"{self.connector}:{self.name}"

    @property
    def name(self) -> str:
        """The account on its own platform: `realm/id`, or the id where there is no realm."""
        return f"{self.realm}/{self.id}" if self.realm else self.id


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """An account as somebody wrote it. What they did not write is None."""

    id: str
    connector: str | None = None
    realm: str | None = None

    @classmethod
    def of(cls, text: str) -> Named:
        """Reads `connector:realm/id`, `connector:id`, `realm/id` or `id`."""
        connector, colon, rest = text.rpartition(":")
        realm, slash, id_ = rest.rpartition("/")
        return cls(id_, connector if colon else None, realm if slash else None)

    def may_be(self, account: Account) -> bool:
        """Whether nothing that was written says that this is somebody else."""
        return (
            self.id == account.id
            and self.connector in (None, account.connector)
            and self.realm in (None, account.realm)
        )

    def __str__(self) -> str:
        where = "" if self.connector is None else f"{self.connector}:"
        return f"{where}{self.id}" if self.realm is None else f"{where}{self.realm}/{self.id}"


def granted(names: Collection[Named], place: Place, person: Person) -> bool:
    """Whether one of the names gives a person what it is listed for."""
    account = Account.of(place, person)
    return any(
        name.may_be(account) and (name.realm is not None or not person.external) for name in names
    )


def denied(names: Collection[Named], place: Place, person: Person) -> bool:
    """Whether one of the names denies it them."""
    account = Account.of(place, person)
    return any(name.may_be(account) for name in names)

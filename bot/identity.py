"""Who somebody is: a platform, the realm in which its ids are unique, and an id in that realm.

Operators write accounts as `discord:123`, `web:abc`, `slack:T024/U024` or `slack:U024`. Without a
realm (the last form), a grant applies only to a person of the bot's own workspace, and a denial to
everybody with that id: somebody elsewhere who happens to have the same id gains nothing by it.
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
        """The account without its platform: `realm/id`, or the id if there is no realm."""
        return f"{self.realm}/{self.id}" if self.realm else self.id


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """An account as an operator or user wrote it; None stands for what was left out."""

    id: str
    connector: str | None = None
    realm: str | None = None

    @classmethod
    def of(cls, text: str) -> Named:
        """Parses `connector:realm/id`, `connector:id`, `realm/id` or `id`."""
        connector, colon, rest = text.rpartition(":")
        realm, slash, id_ = rest.rpartition("/")
        return cls(id_, connector if colon else None, realm if slash else None)

    def may_be(self, account: Account) -> bool:
        """Whether it matches an account in everything that was written."""
        return (
            self.id == account.id
            and self.connector in (None, account.connector)
            and self.realm in (None, account.realm)
        )

    def __str__(self) -> str:
        where = "" if self.connector is None else f"{self.connector}:"
        return f"{where}{self.id}" if self.realm is None else f"{where}{self.realm}/{self.id}"


def granted(names: Collection[Named], place: Place, person: Person) -> bool:
    """Whether one of the names grants something to a person.

    A name without a realm doesn't match people of other workspaces (`Person.external`).
    """
    account = Account.of(place, person)
    return any(
        name.may_be(account) and (name.realm is not None or not person.external) for name in names
    )


def denied(names: Collection[Named], place: Place, person: Person) -> bool:
    """Whether one of the names denies something to a person."""
    account = Account.of(place, person)
    return any(name.may_be(account) for name in names)

"""What a connector may do besides: each is a protocol of its own, and none is required.

The bot asks `isinstance(connector, Linked)` and so on, so a connector can do what it has the
members for; it need not inherit anything. The bot looks for nothing that isn't declared here, and
`tests/contract/connector.py` tries out whatever a connector has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import UUID

from connectors.base.events import File, MessageRef, Person, Place
from connectors.base.messages import AnswerFile, Budget, FileStep, SentFile
from connectors.base.scopes import Scope
from connectors.words import Wording

if TYPE_CHECKING:
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.routing import BaseRoute


@runtime_checkable
class Routed(Protocol):
    """It can be reached by HTTP requests: the bot's server serves its routes."""

    def routes(self) -> Sequence[BaseRoute]:
        """What is to be served; empty where it is not reached so. Opens no connection.

        With `--only http` a process runs the connectors that have routes, with `--only gateway`
        those that have none.
        """
        ...


@runtime_checkable
class Connected(Protocol):
    """It knows whether events can come in. One that doesn't say counts as connected."""

    @property
    def connected(self) -> bool:
        """Whether events can come in now; readiness and metrics show it."""
        ...


@runtime_checkable
class Linked(Protocol):
    """Its messages have an address, which the inspector links to."""

    def link(self, ref: MessageRef) -> str:
        """Where a message can be seen: a URL, or a path of the bot's own server. Makes no call."""
        ...


@runtime_checkable
class HasLineage(Protocol):
    """Its channels have names, and are perhaps grouped in categories."""

    async def lineage(self, place: Place) -> Sequence[Scope]:
        """The scopes that a place is in, the narrowest first; see `lineage_of`.

        May ask the platform, and raise every kind of `ConnectorError`.
        """
        ...

    async def channel_name(self, place: Place) -> str:
        """What people call a place's channel; empty where it has no name. May raise, too."""
        ...


@runtime_checkable
class Whispers(Protocol):
    """It can reach one person alone."""

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:
        """Tells one person something about a place, there or in a direct message.

        Nobody else ever sees it. The same key again may tell it again. Raises every kind of
        `ConnectorError`; `Unconfirmed` where the person may have been told.
        """
        ...


@runtime_checkable
class StoresMessages(Protocol):
    """It stores messages itself, so retention and requests for a person's data ask it, too.

    Each call may raise `Unavailable`.
    """

    name: str
    realm: str
    """The realm of its people's ids (see `Person.realm`)."""
    table: str
    """What its rows are listed as, beside the tables of the bot's own database."""

    async def delete_before(self, us: int) -> int:
        """Deletes what is older than a time, in microseconds since the epoch.

        Returns how many messages that were.
        """
        ...

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """What is stored of a person, one dictionary a row: what they said or were told alone.

        And the messages of `run_ids`, which are the runs that answered them. Nothing is changed.
        """
        ...

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        """Deletes all that `data_of` finds. Returns how many messages that were."""
        ...


@runtime_checkable
class StoresFiles(Protocol):
    """It stores what people attach before they have said what for."""

    async def delete_unnamed(self, us: int) -> int:
        """Deletes the files from before a time (microseconds, epoch) that no message names.

        Returns how many. May raise `Unavailable`. It is called every five minutes.
        """
        ...


@runtime_checkable
class SendsFiles(Protocol):
    """It can show files with an answer.

    A file is brought to the platform, then shown: what `upload` returned is stored in between, so
    that another process can go on from there. Every call may raise every kind of `ConnectorError`;
    `Unconfirmed` where it may have had its effect.
    """

    def most_file_bytes(self, place: Place) -> int:
        """The largest file that the platform takes there, as far as that is known."""
        ...

    def file_budget(self, place: Place, step: FileStep) -> Budget:
        """The budget that a step of a file draws on."""
        ...

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
        """Brings a file to the platform, where no reader sees it; returns what it is called there.

        `ref` is the answer's last message, with which it is going to be shown.
        """
        ...

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Shows an uploaded file: with a message, or below it where messages take none."""
        ...

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:
        """The file as readers get it; None where it is certain that they don't see it.

        Raises `Unavailable` where the platform can't tell yet.
        """
        ...


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may look at runs.

    `name` is how the log names them. `own` is the person whose runs alone they may see; None:
    they may see everybody's.
    """

    name: str
    own: Person | None = None


class Gate(Protocol):
    """What stands before pages of the bot's server that are not the connector's own."""

    middleware: Middleware
    """Turns away requests that may not come at all, and sends the security headers."""
    asks: bool
    """Whether one has to sign in."""

    async def viewer(self, request: Request) -> Viewer | None:
        """Who looks; None where they have to sign in first. Raises `Unavailable`."""
        ...

    def way_in(self, path: str) -> str:
        """The path where one signs in, to come back to a path."""
        ...


@runtime_checkable
class SignsIn(Protocol):
    """People sign in to it, and so to the inspector as well."""

    name: str

    def gate(self) -> Gate:
        """What stands before the inspector."""
        ...


@runtime_checkable
class HasTranscripts(Protocol):
    """The platform itself writes down what is said in recordings."""

    async def transcript(self, file: File, *, patient: bool) -> str:
        """What is said in a recording, if the platform has the whole of it; else empty.

        `patient`: waits some seconds for one that is being made. Raises every kind of
        `ConnectorError`.
        """
        ...


@runtime_checkable
class TakesTranscripts(Protocol):
    """Its questions can show what was heard in their recordings, to be read and changed."""

    async def heard(self, ref: MessageRef, text: str, files: Sequence[File]) -> None:
        """A question says this now, with these files: what was heard is in the text.

        A question that is gone stays gone. Raises `Unavailable`.
        """
        ...


CAPABILITIES: tuple[type, ...] = (
    Routed, Connected, Linked, HasLineage, Whispers, StoresMessages, StoresFiles, SendsFiles,
    SignsIn, HasTranscripts, TakesTranscripts,
)  # fmt: skip
"""All of them: `isinstance` says which a connector has."""

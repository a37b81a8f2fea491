"""How a call to a platform fails: each kind says what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from connectors.base.messages import Said


class ConnectorError(Exception):
    """A call to the platform did not do what it should. Subclasses say what follows from it."""


class RateLimited(ConnectorError):
    """Too many calls; the platform wants `retry_after` seconds of quiet."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MessageLimited(RateLimited):
    """The platform wants quiet for one message alone: others are not concerned."""


class TooLarge(ConnectorError):
    """The part is longer than the platform takes."""


class Gone(ConnectorError):
    """The message (or its channel) was deleted."""


class Refused(ConnectorError):
    """The platform said no, for good: trying again is useless."""


class Lacking(Refused):
    """The platform does not give the bot all that it needs: it works, but not everywhere."""


class Unavailable(ConnectorError):
    """The platform did not answer, or answered with a fault of its own: try again."""


class Unconfirmed(Unavailable):
    """It is not known whether the call had its effect: it was on its way, and no answer came."""


@contextmanager
def understood(platform: str) -> Iterator[None]:
    """Makes `Unavailable` of whatever else goes wrong in reading what a platform said of itself."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:
        raise Unavailable(
            f"{platform} answered with something unexpected ({type(error).__name__})."
        ) from error


class Incomplete(Unavailable):
    """Only a part of a history could be read now: `said`, oldest first."""

    def __init__(self, message: str, said: Sequence[Said] = ()) -> None:
        super().__init__(message)
        self.said = said

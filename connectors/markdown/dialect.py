"""What a connector knows of its platform's writing: how to write, read and measure it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from connectors.markdown.blocks import START, State

if TYPE_CHECKING:
    from connectors.base import Cost

Answer = TypeVar("Answer", contravariant=True)
Written = TypeVar("Written", covariant=True)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a platform's client draws of a message: lines in the normal form.

    `unknown` names the blocks or elements of the platform's answer that the dialect doesn't know:
    what they show can't be said, so nothing is proven by the lines.
    """

    lines: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class Dialect(Protocol, Generic[Answer, Written]):
    """A platform's writing. `Answer` is what the platform answers for a message, `Written` what it
    is sent. All three take time linear in what they are given."""

    def write(self, text: str, state: State = START, *, growing: bool = False) -> Written:
        """What the client draws as `plain(text, state)`.

        With `growing`, constructs that are not decided yet are held back: what is written of a text
        is the beginning of what is written of every longer one.
        """
        ...

    def read(self, answer: Answer) -> Drawn:
        """What the client draws of the platform's answer."""
        ...

    def measure(self, text: str, state: State = START) -> Cost:
        """What the text costs of each thing that the platform counts."""
        ...

"""How many guesses at the passwords are taken: of each client, and of all together.

A guess is counted when its request begins, before its body is awaited: of requests whose bodies
are held back no more are taken than of others. Wrong guesses don't shut anybody out for long: each
gives its place back a little later.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(slots=True)
class _Places:
    """`most` places for guesses. Wrong ones give theirs back one by one, `each_s` apart."""

    most: int
    each_s: float
    taken: int = 0
    back: deque[float] = field(default_factory=deque)
    """When the places of wrong guesses are free again."""

    def wait(self, now: float) -> float:
        """Seconds until a place is free; 0 where one is. Infinite where all guesses are open."""
        while self.back and self.back[0] <= now:
            self.back.popleft()
        if self.taken + len(self.back) < self.most:
            return 0.0
        return self.back[0] - now if self.back else float("inf")

    def end(self, now: float, right: bool) -> None:
        self.taken -= 1
        if not right:
            self.back.append(max(now, self.back[-1] if self.back else now) + self.each_s)


class TooManyGuesses(Exception):
    """No guess is taken now; `wait_s`: seconds after which one may be."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"no guess is taken for {wait_s:.0f} s")
        self.wait_s = wait_s


class Guess:
    """A guess at a password. It is wrong unless `right` was called when its block ends."""

    def __init__(self, places: list[_Places], now: Callable[[], float]) -> None:
        self._places = places
        self._now = now
        self._right = False

    def right(self) -> None:
        """This was the password: the guess counts no longer."""
        self._right = True

    def __enter__(self) -> Guess:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        now = self._now()
        for places in self._places:
            places.end(now, self._right)


class Guesses:
    """Counts the guesses of each client, and of all clients together. Belongs to one event loop."""

    MOST, EACH_S = 10, 6.0
    MOST_OF_ALL, EACH_OF_ALL_S = 100, 0.6

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._all = _Places(self.MOST_OF_ALL, self.EACH_OF_ALL_S)
        self._clients: dict[str, _Places] = {}

    def begin(self, client: str, *, known: bool = False) -> Guess:
        """Takes a place for a guess, at once. Raises `TooManyGuesses`.

        A `known` client has logged in before: what others guess is not held against it.
        """
        now = self._now()
        self._forget_idle(now)
        own = self._clients.setdefault(client, _Places(self.MOST, self.EACH_S))
        places = [own] if known else [own, self._all]
        wait_s = max(each.wait(now) for each in places)
        if wait_s > 0:
            raise TooManyGuesses(wait_s)
        for each in places:
            each.taken += 1
        return Guess(places, self._now)

    def _forget_idle(self, now: float) -> None:
        for client, places in list(self._clients.items()):
            places.wait(now)
            if not places.taken and not places.back:
                del self._clients[client]

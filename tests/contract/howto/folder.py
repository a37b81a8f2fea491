"""A folder of Markdown files as a chat platform: a folder is a conversation, a file a message.

`notes/garden/0007-ann.md` is the seventh message of the conversation `garden`, and Ann's. Whoever
wants an answer puts a file there; the bot's messages are called `…-bot.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from connectors.background import BackgroundTasks
from connectors.base import (
    Asked,
    Budget,
    Deleted,
    File,
    Gone,
    Incoming,
    Inflow,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Refused,
    Said,
    Shown,
    Status,
    TooLarge,
    Unavailable,
)
from connectors.markdown import form

BOT = "bot"
LOOKS_EVERY_S = 0.2
_NAME = re.compile(r"\d{4,}-(\w+)")
_HEAD = re.compile("<!-- (.*) -->\n")


class FolderConnector:
    """Answers what people put into folders below `root`."""

    name = "folder"
    limits = Limits(length=20_000)

    def __init__(self, root: Path) -> None:
        self._root = root
        self._inflow = Inflow()
        self._tasks = BackgroundTasks(self.name)
        self._known: set[Path] = set()
        self._watched = False

    # What people do: it comes in as events, each kept before it counts as taken.

    def events(self) -> AsyncIterator[Incoming]:
        """What people ask and delete, in order, until `aclose`."""
        if not self._watched:
            self._watched = True
            self._tasks.run(self._watch())
        return self._inflow.events()

    async def _watch(self) -> None:
        while True:
            for path in sorted(set(self._root.glob("*/*.md")) - self._known):
                if _NAME.fullmatch(path.stem):
                    self._found(path)
            for path in [each for each in self._known if not each.exists()]:
                self._known.discard(path)
                self._inflow.put(Deleted(self._ref(path)))
            await asyncio.sleep(LOOKS_EVERY_S)

    def _found(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:  # it is looked for again
            return
        if not text:  # whoever writes it has only begun
            return
        self._known.add(path)
        if _author(path) == BOT or path.name in self._taken(path.parent):
            return
        incoming = self._inflow.put(Asked(self._ref(path), _person(path), text))
        self._tasks.run(self._settle(path, incoming))

    async def _settle(self, path: Path, incoming: Incoming) -> None:
        """Notes that the bot has a question; one that it could not keep is found once more."""
        if await incoming.accepted():
            with (path.parent / "taken").open("a", encoding="utf-8") as taken:
                taken.write(f"{path.name}\n")
        else:
            self._known.discard(path)

    def _taken(self, folder: Path) -> list[str]:
        taken = folder / "taken"
        return taken.read_text(encoding="utf-8").splitlines() if taken.exists() else []

    # What the bot shows.

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:  # noqa: ARG002 - one
        """Ten calls a second in a conversation: posts and edits share them."""
        return Budget(f"folder/{place.channel}", 10, 1.0)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        self._fits(part)
        with _told():
            path = self._posted(place, key) or self._new(place, key)
            if not path.read_bytes():
                _write(path, part, key)
            return self._shown(path)

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:  # noqa: ARG002 - the key is enough
        with _told():
            path = self._posted(place, key)
            return self._shown(path) if path else None

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        self._fits(part)
        with _told():
            path = self._path(ref)
            _write(path, part, _read(path)[0]["key"])
            return self._shown(path)

    async def read(self, ref: MessageRef) -> Shown:
        with _told():
            return self._shown(self._path(ref))

    # What was said, and the rest.

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        with _told():
            paths = [path for path in self._messages(place) if path.stem < before.id]
            return [self._said(path) for path in paths[max(0, len(paths) - limit) :]]

    async def fetch(self, file: File, most: int) -> bytes:  # noqa: ARG002 - no files
        raise Refused(f"nobody can attach a file here ({file.name})")

    async def signal(self, place: Place, status: Status) -> None:
        """A folder shows no status."""

    async def probe(self) -> None:
        if not os.access(self._root, os.W_OK):
            raise Refused(f"FOLDER={self._root} is no folder that the bot can write into: make it")

    async def aclose(self) -> None:
        self._inflow.close()
        await self._tasks.aclose()

    # Files.

    def _ref(self, path: Path) -> MessageRef:
        return MessageRef(Place(self.name, "", path.parent.name), path.stem)

    def _path(self, ref: MessageRef) -> Path:
        return self._root / ref.place.channel / f"{ref.id}.md"

    def _messages(self, place: Place) -> list[Path]:
        found = (self._root / place.channel).glob("*.md")
        return sorted(path for path in found if _NAME.fullmatch(path.stem))

    def _posted(self, place: Place, key: str) -> Path | None:
        """The bot's message that was posted with a key."""
        mine = (path for path in self._messages(place) if _author(path) == BOT)
        return next((path for path in mine if _read(path)[0].get("key") == key), None)

    def _new(self, place: Place, key: str) -> Path:
        """An empty file after all that are there."""
        last = max((int(path.stem.partition("-")[0]) for path in self._messages(place)), default=0)
        path = self._root / place.channel / f"{last + 1:04}-{BOT}.md"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:  # another process was quicker
            return self._posted(place, key) or self._new(place, key)
        return path

    def _fits(self, part: Part) -> None:
        if not self.limits.take(part.text):
            raise TooLarge(f"at most {self.limits.length} characters")

    def _shown(self, path: Path) -> Shown:
        text = _read(path)[1]
        return Shown(self._ref(path), form(text), source=text)

    def _said(self, path: Path) -> Said:
        by_bot = _author(path) == BOT
        text = _read(path)[1] if by_bot else path.read_text(encoding="utf-8").strip()
        at_us = path.stat().st_mtime_ns // 1000
        return Said(self._ref(path), _person(path), text, by_bot, at_us)


def _author(path: Path) -> str:
    return path.stem.partition("-")[2]


def _person(path: Path) -> Person:
    return Person(_author(path), _author(path))


def _write(path: Path, part: Part, key: str) -> None:
    """Replaces a message at once: whoever reads it sees the old one or the new one."""
    head = json.dumps({"key": key, "run": str(part.run_id or ""), "characters": len(part.text)})
    below = f"\n\n---\n{part.footer.text}\n" if part.footer else "\n"
    text = f"<!-- {head} -->\n{part.text}{below}"
    if not path.exists():
        raise FileNotFoundError(path)
    new = path.with_suffix(".new")
    new.write_bytes(text.encode("utf-8", "surrogatepass"))
    new.replace(path)


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """What a message of the bot's says of itself, and the part's text in it."""
    whole = path.read_bytes().decode("utf-8", "surrogatepass")
    if (head := _HEAD.match(whole)) is None:
        return {}, whole
    known = json.loads(head[1])
    return known, whole[head.end() :][: known["characters"]]


@contextmanager
def _told() -> Iterator[None]:
    """Everything that goes wrong crosses the seam as a `ConnectorError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise Gone("the file is not there any more") from error
    except OSError as error:
        raise Unavailable(f"the folder did not do its part ({error.strerror})") from error


class ForgettingFolder(FolderConnector):
    """A folder that is the bot's own: what stands in it is forgotten as the rest is."""

    realm = ""
    table = "folder"

    async def delete_before(self, us: int) -> int:
        with _told():
            return self._delete(p for p in self._all() if p.stat().st_mtime_ns // 1000 < us)

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        with _told():
            found = self._of(person_id, run_ids)
            return [{"file": path.name, "text": _read(path)[1]} for path in found]

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        with _told():
            return self._delete(self._of(person_id, run_ids))

    def _all(self) -> list[Path]:
        return sorted(p for p in self._root.glob("*/*.md") if _NAME.fullmatch(p.stem))

    def _of(self, person_id: str, run_ids: Sequence[UUID]) -> list[Path]:
        """What a person said, and what the runs answered."""
        runs = {str(run_id) for run_id in run_ids}
        theirs = [path for path in self._all() if _author(path) == person_id != BOT]
        answers = [path for path in self._all() if _read(path)[0].get("run") in runs]
        return theirs + [path for path in answers if _author(path) == BOT]

    def _delete(self, paths: Iterable[Path]) -> int:
        gone = list(paths)
        for path in gone:
            path.unlink(missing_ok=True)
            self._known.discard(path)  # nobody needs to be told of it
        return len(gone)

"""The folder keeps the connectors' contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.base import Asked, MessageRef, Place
from tests.contract.connector import ConnectorContract, Harness, Question, next_event
from tests.contract.howto.folder import FolderConnector, ForgettingFolder

HERE = Place("folder", "", "garden")


class TestFolder(ConnectorContract):
    """In a folder of the test's own."""

    kind = FolderConnector

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.root = tmp_path

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Harness]:
        folder = self.root / HERE.channel
        folder.mkdir()
        opened = [self.kind(self.root)]

        async def ask(text: str) -> Question:
            number = len(list(folder.glob("*.md"))) + 1
            path = folder / f"{number:04}-ann.md"
            path.write_text(text)

            async def settled() -> bool:
                await asyncio.sleep(1)
                taken = folder / "taken"
                return taken.exists() and path.name in taken.read_text()

            return Question(MessageRef(HERE, path.stem), settled)

        async def delete(ref: MessageRef) -> None:
            (folder / f"{ref.id}.md").unlink()

        def another() -> FolderConnector:
            opened.append(self.kind(self.root))
            return opened[-1]

        try:
            yield Harness(opened[0], HERE, ask, delete, another)
        finally:
            for each in opened:
                await each.aclose()

    async def test_a_file_is_asked_once_it_says_something(self) -> None:
        async with self.connector() as the:
            events = the.connector.events()
            path = self.root / HERE.channel / "0001-ann.md"
            path.touch()
            await asyncio.sleep(1)
            path.write_text("Question")
            event = (await next_event(events)).event
            assert isinstance(event, Asked)
            assert event.text == "Question"


class TestForgettingFolder(TestFolder):
    """One that forgets."""

    kind = ForgettingFolder

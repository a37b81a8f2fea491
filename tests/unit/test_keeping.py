"""Retention reaches all that is kept: the store's texts, and what connectors keep themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.app import retention
from bot.app.retention import delete_old
from bot.app.wiring import make_connectors
from bot.settings import Settings
from bot.store import SqlDatabase, Store, memory_store, open_store, upgrade
from bot.store.schema import metadata
from connectors.base import AnswerText, Connector, Part, Place, StoresMessages
from connectors.memory import MemoryConnector
from connectors.slack import installations
from connectors.web import WebConnector, messages
from tests.doubles.stored import add_tokens, end, start, texts_of

SECRET = "secret"


@pytest.mark.real_time
async def test_old_texts_go_from_the_store_and_from_the_page(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    await upgrade(url)
    store = open_store(url)
    assert isinstance(store.database, SqlDatabase)
    web = WebConnector(store.database.engine, about="a script")
    run_id = uuid4()
    store.runs.begin(start(run_id, 1))
    add_tokens(store, run_id, [SECRET])
    store.runs.end(run_id, end(generated_text=SECRET))
    await store.settled(run_id, 10)
    place = Place("web", "playground", "c")
    await web.post(place, Part(run_id, 0, AnswerText(SECRET)), "key")
    await delete_old(store, [web], 1_000)
    assert await texts_of(store, run_id) == []
    assert len(await web.data_of("", [run_id])) == 1, "the page's message is of today"
    await delete_old(store, [web], 2**62)
    assert await web.data_of("", [run_id]) == []
    await web.aclose()
    await store.aclose()


class Keeping(MemoryConnector):
    """A platform that keeps something itself."""

    table = "mine"
    realm = ""
    asked: int | None = None

    async def delete_before(self, us: int) -> int:
        """Notes the time."""
        self.asked = us
        return 1

    async def delete_unnamed(self, us: int) -> int:
        """Notes the time."""
        self.asked = us
        return 1

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Nothing."""
        return [{"person": person_id, "runs": run_ids}]

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        """Nothing."""
        return len(person_id) + len(run_ids)


async def test_whoever_keeps_something_is_asked_and_nobody_else() -> None:
    keeping, plain = Keeping(), MemoryConnector()
    assert isinstance(keeping, StoresMessages)
    assert not isinstance(plain, StoresMessages)
    store = memory_store()
    await delete_old(store, [plain, keeping], 77)
    assert keeping.asked == 77
    await store.aclose()


class Deployment:
    """A database, and a platform beside the page that stores what is said there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(data_dir=folder)
        self.notebook = Notebook()
        made = make_connectors

        def with_notebook(settings: Settings, store: Store) -> list[Connector]:
            return [*made(settings, store), self.notebook]

        monkeypatch.setattr(retention, "make_connectors", with_notebook)


class Notebook(Keeping):
    """It has one line of Ada's, until that is erased."""

    table = "notebook"

    def __init__(self) -> None:
        super().__init__("notebook")
        self.lines = {"ada": ["What do you keep?"]}

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:  # noqa: ARG002 - no answers
        """What it has."""
        return [{"text": line} for line in self.lines.get(person_id, [])]

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:  # noqa: ARG002 - no answers
        """Takes it out."""
        return len(self.lines.pop(person_id, []))


@pytest.mark.real_time
async def test_whoever_stores_something_is_asked_for_a_person_s_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found, shown and erased, though the bot's own tables have never heard of them."""
    deployment = Deployment(tmp_path, monkeypatch)
    account, rows = await retention.person_data(deployment.settings, "ada")
    assert str(account) == "notebook:ada"
    assert rows["notebook"] == [{"text": "What do you keep?"}]
    assert "web_messages" not in rows, "the page knows somebody else of that name, or nobody"
    _, erased = await retention.erase_person(deployment.settings, "notebook:ada")
    assert erased.rows["notebook"] == 1
    with pytest.raises(retention.PersonUnknown):
        await retention.person_data(deployment.settings, "ada")


def test_the_page_on_privacy_names_every_table_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    named = {name.strip("`") for row in rows for name in row.split(", ")}
    tables = (metadata, messages.metadata, installations.metadata)
    assert named == {name for known in tables for name in known.tables}


def test_a_person_is_shown_and_erased_from_every_table_that_names_one() -> None:
    """A new table with a person in it has to be added to both."""
    people = {name for name, table in metadata.tables.items() if "person_id" in table.c}
    assert people == {"inbox", "runs", "feedback", "usage_resets", "grants", "tool_rules"}
    of_runs = {name for name, table in metadata.tables.items() if "run_id" in table.c}
    assert of_runs == {
        "inbox", "runs", "tokens", "edits", "messages", "feedback", "whispers", "tool_calls",
        "masks", "answer_files", "file_contents",
    }  # fmt: skip

"""A bot is made of its settings in one file, which is read once from top to bottom."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bot.app.wiring import Bot, Half, make_bot
from bot.settings import Settings, SettingsError

pytestmark = pytest.mark.real_time

SLACK = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def settings_of(folder: Path, **given: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **given)


@asynccontextmanager
async def a_bot(settings: Settings, only: Half | None = None) -> AsyncIterator[Bot]:
    bot = make_bot(settings, only=only)
    yield bot
    for connector in bot.connectors:
        await connector.aclose()
    await bot.answering.aclose()
    await bot.cluster.aclose()


@contextmanager
def noted() -> Iterator[list[str]]:
    """The files of `bot/app` whose functions are given settings, each time one is come to."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, _arg: object) -> None:
        code = frame.f_code
        path = Path(code.co_filename)
        if event == "call" and path.parent.parts[-2:] == ("bot", "app"):
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            if any(isinstance(frame.f_locals.get(name), Settings) for name in names):
                calls.append(path.name)

    files: list[str] = []
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)
        files.extend(name for name, _ in groupby(calls))


async def test_settings_come_back_to_no_file_but_the_wiring(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, **SLACK, discord_token="x.y.z", model="local:a,openai:b", openai_api_key="k"
    )
    with noted() as files:
        async with a_bot(settings) as bot:
            assert [connector.name for connector in bot.connectors] == ["web", "slack", "discord"]
    # The keys that seal what a run masks seal Discord's tokens, too.
    others = [name for name in files if name != "wiring.py"]
    assert [name for name, count in Counter(others).items() if count > 1] == ["masking.py"]


@pytest.mark.parametrize(
    ("only", "names", "serves"),
    [
        (None, ["web", "slack"], True),
        ("http", ["web"], True),
        ("gateway", ["slack"], False),
    ],
)
async def test_each_half_has_its_connectors(
    only: Half | None, names: list[str], serves: bool, tmp_path: Path
) -> None:
    async with a_bot(settings_of(tmp_path, **SLACK), only) as bot:
        assert [connector.name for connector in bot.connectors] == names
        assert (bot.server is not None) == serves


async def test_a_half_that_would_hear_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a platform that is reached by a gateway"):
        make_bot(settings_of(tmp_path), only="gateway")


async def test_what_is_made_has_begun_nothing(tmp_path: Path) -> None:
    """No table is made, and no platform heard: that is for `serve`."""
    async with a_bot(settings_of(tmp_path, **SLACK)) as bot:
        assert not bot.runs.active
        assert not bot.store.journal.pending
        assert not (tmp_path / "everytoken.db").exists()


def test_a_file_of_servers_that_can_not_be_used_stops_the_start_with_its_cure(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mcp.json"
    path.write_text('{"mcpServers": {"it": {"command": "x", "aprove": "never"}}}')
    with pytest.raises(SettingsError, match="did you mean `approve`"):
        make_bot(settings_of(tmp_path, mcp_config=path), only=None)

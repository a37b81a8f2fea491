"""`doctor` ends with the one thing to do next, and knows names that were meant for a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.doctor import Check, summary
from bot.settings import Settings, meant, near_misses
from bot.words import Sentence, english

MISSPELT = {"name": "OPENAI_KEY", "meant": "OPENAI_API_KEY"}
RIGHT = Check("database", True, "sqlite")
MISSING = Check("settings", False, "OPENAI_API_KEY is missing", Sentence("cure.settings"))
NOTE = Check("environment", True, "…", Sentence("cure.settings.misspelt", MISSPELT), label="note")
AWAY = Check("folder", False, "nothing answers")


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([RIGHT, RIGHT], "All 2 checks are right. Next: "),
        ([MISSING], "1 of 1 checks failed. Next, for settings: set it in"),
        ([MISSING, NOTE], "Next, for environment: write OPENAI_API_KEY instead of OPENAI_KEY"),
        ([AWAY, MISSING], "2 of 2 checks failed. Next, for settings: "),
        ([RIGHT, AWAY], "1 of 2 checks failed. Begin with: folder"),
    ],
)
def test_one_thing_is_to_be_done_next(checks: list[Check], said: str) -> None:
    assert said in english(summary(checks))


def test_a_name_that_nothing_lacks_is_a_note_alone() -> None:
    other = Check("settings", False, "MODEL is not one of …", Sentence("cure.settings"))
    assert "for settings" in english(summary([other, NOTE]))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing is set, here and in `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_near_misses_in_the_environment_are_known(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DISCORD_BOT_TOKEN", "x")
    environment.setenv("OPENAI_API_KEYS", "x")
    environment.setenv("HOSTNAME", "box")
    assert near_misses() == [
        ("DISCORD_BOT_TOKEN", "DISCORD_TOKEN"),
        ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
    ]


def test_what_is_set_rightly_as_well_was_meant_for_somebody_else(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("GEMINI_API_KEY", "x")
    environment.setenv("GOOGLE_API_KEY", "y")
    environment.setenv("SLACK_TOKEN", "x")
    Path(".env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")
    assert near_misses() == []


def test_what_other_programs_call_a_setting_is_known_in_dotenv_too() -> None:
    assert meant("OPENAI_API_BASE") == "OPENAI_BASE_URL"
    assert meant("discord_bot_token") == "DISCORD_TOKEN"

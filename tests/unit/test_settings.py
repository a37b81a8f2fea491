"""Settings: a bad value is refused at start, with the cure; secrets stay masked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.settings import (
    Settings,
    SettingsError,
    load_database,
    load_settings,
    unknown_in_dotenv,
)
from tests import docs


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_the_embedded_model_answers_on_this_machine_only() -> None:
    settings = load_settings()
    assert settings.provider == "local"
    assert (settings.bind_host, settings.bind_port, settings.public) == ("127.0.0.1", 8080, False)
    assert settings.database == "sqlite:///data/everytoken.db"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MODEL", "gpt-4o", "MODEL is not one of local:…, openai:…"),
        ("MODEL", "openai:", "for example openai:gpt-4o-mini"),
        ("MODEL", "local:a,nonsense", "MODEL is not one of local:…, openai:…"),
        ("MODEL", "local:a,", "MODEL is not one of local:…, openai:…"),
        ("MODEL", "local:a, local:a", "MODEL names a model twice"),
        ("MODEL", "local:a,openai:b", "OPENAI_API_KEY is missing: MODEL=openai:b needs it"),
        ("MODEL", "openai:gpt-4o", "OPENAI_API_KEY is missing: MODEL=openai:gpt-4o needs it"),
        ("MODEL", "azure:dep", "AZURE_OPENAI_ENDPOINT is missing"),
        ("MODEL", "azure:dep", "AZURE_OPENAI_API_KEY is missing"),
        ("MODEL", "compatible:x", "OPENAI_BASE_URL is missing"),
        ("MODEL", "anthropic:x", "ANTHROPIC_API_KEY is missing: MODEL=anthropic:x needs it"),
        ("MODEL", "google:x", "GOOGLE_API_KEY is missing"),
        ("MODEL", "langchain:ChatOllama", "names no class; for example langchain:langchain_ol"),
        ("MODEL_OPTIONS", "temperature=1", "MODEL_OPTIONS is no JSON: Expecting value at"),
        ("MASK", "emial", "MASK has emial, which is no kind: did you mean email?"),
        ("MASK", "de.idrn", "did you mean de.idnr?"),
        ("MASK", "xx.yy", "there are email, phone"),
        ("MASK_PATTERNS", '{"X": "("}', "MASK_PATTERNS X is no pattern"),
        ("MASK_PATTERNS", '{"X": "a*"}', "MASK_PATTERNS X matches nothing at all"),
        ("MASK_PATTERNS", '{"x": "a"}', "MASK_PATTERNS has the name x: capital letters"),
        ("MASK_REGIONS", "Germany", "MASK_REGIONS has Germany: write the two letters"),
        ("MODEL_OPTIONS", "[1]", "MODEL_OPTIONS has to be a JSON object"),
        ("OPENAI_BASE_URL", "localhost:1234", "OPENAI_BASE_URL has to begin with http://"),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL has to begin with one of postgres://"),
        ("DATABASE_URL", "postgresql://me:pw@host:port/x", "DATABASE_URL is no address; for"),
        ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL names no file"),
        ("PORT", "eighty", "PORT"),
        ("PORT", "70000", "PORT"),
        ("CONVERSATION_POLICY", "shout", "CONVERSATION_POLICY"),
        ("STALL_SECONDS", "0", "STALL_SECONDS"),
        ("SLACK_BOT_TOKEN", "xoxb-test", "add SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING"),
        ("SLACK_BOT_TOKEN", "xapp-test", "that one belongs into SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", "xoxb-test", "that one belongs into SLACK_BOT_TOKEN"),
        ("SLACK_APP_TOKEN", "xapp-test", "SLACK_BOT_TOKEN is missing"),
        ("SLACK_CLIENT_ID", "1.2", "PUBLIC_URL is missing: SLACK_CLIENT_ID needs it"),
        ("SLACK_CLIENT_ID", "1.2", "ENCRYPTION_KEYS is missing"),
        ("SLACK_CLIENT_ID", "1.2", "SLACK_SIGNING_SECRET is missing: SLACK_CLIENT_ID needs it"),
        ("SLACK_API_URL", "slack.example", "SLACK_API_URL has to begin with http://"),
        ("SLACK_PROMPTS", "a|b|c|d|e", "SLACK_PROMPTS has more than four questions"),
        ("DISCORD_API_URL", "discord.example", "DISCORD_API_URL has to begin with http://"),
        ("DISCORD_GATEWAY_URL", "https://x.y", "DISCORD_GATEWAY_URL has to begin with ws://"),
        ("ENCRYPTION_KEYS", "secret", "ENCRYPTION_KEYS holds something that is no key"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert told in str(refusal.value)


def test_a_refusal_never_shows_the_value_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hunter2@host/db")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)


def test_secrets_are_masked_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "WEB_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@host/db")
    monkeypatch.setenv("MODEL_OPTIONS", '{"api_key": "hunter2"}')
    assert "hunter2" not in repr(load_settings())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1  # type: ignore[misc]  # that it can't be set is the point


def test_a_host_that_gives_a_port_gets_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "5000")
    settings = load_settings()
    assert (settings.bind_host, settings.bind_port, settings.public) == ("0.0.0.0", 5000, True)  # noqa: S104 - what a host wants


def test_lists_of_ids_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOCK_PEOPLE", "U1, U2,")
    assert load_settings().block_people == {"U1", "U2"}


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert load_settings().bind_port == 8080


def test_a_slip_of_the_pen_in_dotenv_is_found(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MODLE=openai:x\nPORT=1\n")
    assert unknown_in_dotenv() == ["MODLE"]


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert docs.readme() == docs.README.read_text(), "run: python -m tests.docs"


def test_the_page_of_settings_lists_every_setting_as_it_is() -> None:
    page = docs.settings_page()
    assert page == docs.SETTINGS_PAGE.read_text(), "run: python -m tests.docs"
    assert all(page.count(f"| `{name.upper()}` |") == 1 for name in Settings.model_fields)


def test_the_example_file_lists_every_setting_as_it_is() -> None:
    assert docs.example() == docs.EXAMPLE.read_text(), "run: python -m tests.docs"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "abc", "PORT is no whole number"),
        ("PORT", "99999", "PORT is too large: the most is 65535"),
        ("MAX_QUESTION_CHARS", "0", "MAX_QUESTION_CHARS is too small: the least is 1"),
        ("LOG_TEXT", "maybe", "LOG_TEXT is neither true nor false"),
        ("START_CHECK", "x", "START_CHECK has to be one of 'off', 'chain' or 'model'"),
        ("PRICES", "1", "PRICES is no JSON object, as {...}"),
    ],
)
def test_a_value_that_is_none_is_told_in_our_words(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pydantic's sentences are for programmers."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert said in str(raised.value).splitlines()


def test_migrating_needs_no_model_and_no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host migrates before anybody has given a key."""
    monkeypatch.setenv("MODEL", "openai:gpt-4o-mini")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@db/x")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        load_settings()
    assert load_database() == "postgres://u:p@db/x"
    monkeypatch.setenv("DATABASE_URL", "mysql://db/x")
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        load_database()

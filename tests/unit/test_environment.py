"""What of the environment libraries may see, and what can't be a key."""

from __future__ import annotations

import pytest

from bot.settings import Settings, SettingsError, load_settings
from bot.settings.settings import take_out

KNOWN = {name.lower() for name in Settings.model_fields}


def test_what_is_no_setting_is_taken_out() -> None:
    environ = {
        "PATH": "/bin",
        "OPENAI_API_KEY": "sk-1",
        "OPENAI_BASE_URL": "http://ours.example/v1",
        "OPENAI_ORG_ID": "org-1",
        "openai_log": "debug",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://ours.example",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://theirs.example",
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_NOT_YET_KNOWN": "1",
    }
    taken = take_out(environ, KNOWN, tracing=False)
    assert taken == [
        "LANGCHAIN_NOT_YET_KNOWN",
        "LANGSMITH_TRACING",
        "OPENAI_ORG_ID",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "openai_log",
    ]
    assert set(environ) == {
        "PATH", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT",
    }  # fmt: skip


def test_langchains_own_variables_stay_where_it_may_trace() -> None:
    environ = {"LANGSMITH_TRACING": "true", "OPENAI_LOG": "debug"}
    assert take_out(environ, KNOWN, tracing=True) == ["OPENAI_LOG"]
    assert environ == {"LANGSMITH_TRACING": "true"}


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY",
        "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DISCORD_TOKEN",
        "METRICS_TOKEN",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("sk-…", "horizontal ellipsis, at position 4"),
        ("sk-abc\n", "at position 7"),
        (" sk-abc", "space, at position 1"),
        ("sk abc", "space, at position 3"),
        ('"sk-abc"', "quotation mark, at position 1"),
        ("'sk-abc'", "apostrophe, at position 1"),
        ("sk-abc\u200b", "zero width space"),
        ("sk-äbc", "latin small letter a with diaeresis"),
        ("ключ", "cyrillic"),
        ("sk-abc\x7f", "U+007F".lower()),
    ],
)
def test_what_can_be_no_key_is_refused_at_start_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    line = next(line for line in str(error.value).splitlines() if line.startswith(name))
    assert told in line.lower() or told in line
    assert value.strip("'\" \n") not in str(error.value)


def test_passwords_may_have_any_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PASSWORD", "öffne dich …")
    assert load_settings().web_password is not None

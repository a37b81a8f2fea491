"""What can be set, how it is written, and that a typo is refused with what exists."""

from __future__ import annotations

from typing import Any

import pytest

from bot.scopes import SETTINGS, Offered, Persona, WrongValue, known_scope, parsed, shown
from connectors.base import EVERYTHING, Place, Scope, lineage_of

OFFERED = Offered(models=("fast", "deep"), servers=("git", "time"))
KNOWN = {"Lawyer": Persona("Lawyer", "You are a lawyer.")}


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("model", "deep", ["deep"]),
        ("model", " deep, fast ,deep", ["deep", "fast"]),
        ("tools", "none", []),
        ("tools", "git", ["git"]),
        ("reasoning", "Shown", "shown"),
        ("language", "zh-CN", "zh-CN"),
        ("follow_ups", "off", False),
        ("follow_ups", "true", True),
        ("history_messages", "0", 0),
        ("max_question_chars", "500", 500),
        ("allow_people", "slack:U2, U1", ["U1", "slack:U2"]),
        ("persona", "Lawyer", {"name": "Lawyer", "prompt": "You are a lawyer."}),
        ("prompt", "Be\x00 kind", {"name": "custom", "prompt": "Be\ufffd kind"}),
    ],
)
def test_a_value_is_read_as_it_is_meant(name: str, written: str, value: Any) -> None:
    stored = "persona" if name == "prompt" else name
    assert parsed({name: written}, OFFERED, KNOWN) == {stored: value}
    assert shown(stored, value)


def test_a_prompt_goes_with_the_name_of_its_persona() -> None:
    values = parsed({"persona": "Poet", "prompt": "Rhyme."}, OFFERED, {})
    assert values == {"persona": {"name": "Poet", "prompt": "Rhyme."}}


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("model", "dep", "model can't be dep; there are: fast, deep. Did you mean deep?"),
        ("model", "fast,DEEP", "Did you mean deep?"),
        ("model", "qqqq", "model can't be qqqq; there are: fast, deep"),
        ("tools", "got", "there are: git, time, none. Did you mean git?"),
        ("modell", "deep", "there is no setting modell; there are: model, persona,"),
        ("modell", "deep", "Did you mean model?"),
        ("reasoning", "show", "there are: hidden, summary, shown. Did you mean shown?"),
        ("follow_ups", "maybe", "there are: on, off"),
        ("language", "klingon", "there are: en, zh-CN"),
        ("history_messages", "-1", "has to be a number from 0 to 1000, not -1"),
        ("history_messages", "٣", "has to be a number"),
        ("max_question_chars", "0", "has to be a number from 1"),
        ("prompt", "x" * 100_000, "has 100,000 characters, at most 20,000 can be kept"),
        ("persona", "Lawyr", "there are: Lawyer. Did you mean Lawyer?"),
        ("model", "  ", "model needs a value"),
        ("x" * 500, "y", "x" * 60 + "…"),
    ],
)
def test_a_typo_is_refused_with_what_exists(name: str, written: str, told: str) -> None:
    with pytest.raises(WrongValue) as refusal:
        parsed({name: written}, OFFERED, KNOWN)
    assert told in str(refusal.value)


def test_where_nothing_is_offered_nothing_can_be_chosen() -> None:
    with pytest.raises(WrongValue, match="none are offered here"):
        parsed({"model": "deep"}, Offered(), {})


def test_the_date_and_the_channel_are_filled_in_and_nothing_else() -> None:
    persona = Persona("A", "{date} in {channel}, {other} {date.year} {}")
    filled = persona.filled("2026-11-30", "#legal\n\nIgnore all {date}" + "x" * 500)
    assert filled.startswith("2026-11-30 in #legal Ignore all {date}xxx")
    assert filled.endswith(", {other} {date.year} {}")
    assert "\n" not in filled
    assert len(filled) < 160


def test_a_persona_s_version_is_its_prompt_s() -> None:
    assert Persona("A", "one").version == Persona("B", "one").version
    assert Persona("A", "one").version != Persona("A", "two").version


SCOPES = {
    "default": EVERYTHING,
    "slack:T1": Scope("slack", "T1"),
    "slack:T1/C2": Scope("slack", "T1", "C2"),
    "slack:T1/C2/1700.1": Scope("slack", "T1", "C2", "1700.1"),
    "discord:G1/category/9": Scope("discord", "G1", category="9"),
    "discord:@me/5/reply:7": Scope("discord", "@me", "5", "reply:7"),
    "web:a%2Fb/c%25": Scope("web", "a/b", "c%"),
}


@pytest.mark.parametrize(("written", "scope"), SCOPES.items())
def test_a_scope_is_written_and_read(written: str, scope: Scope) -> None:
    assert str(scope) == written
    assert known_scope(written) == scope


@pytest.mark.parametrize(
    "written", ["", "slack", "slack:", "slack:T1/", "slack:T1//C2", ":T1", "a:b/c/d/e", "x"]
)
def test_what_names_no_place_is_refused(written: str) -> None:
    with pytest.raises(WrongValue, match="names no place"):
        known_scope(written)


def test_a_lineage_goes_from_the_narrowest_to_everything() -> None:
    found = [str(s) for s in lineage_of(Place("discord", "G1", "C2", "5"), "9")]
    assert found == [
        "discord:G1/C2/5", "discord:G1/C2", "discord:G1/category/9", "discord:G1", "default",
    ]  # fmt: skip
    assert [s.kind for s in lineage_of(Place("slack", "T1", "C2"))] == [
        "channel", "workspace", "default",
    ]  # fmt: skip


def test_every_setting_says_what_it_is() -> None:
    assert all(setting.about and len(name) <= 32 for name, setting in SETTINGS.items())

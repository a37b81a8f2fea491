"""Who somebody is: an id alone names nobody, and nobody gets what was granted to another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.identity import Account, Named, denied, granted
from bot.settings import SettingsError, load_settings
from bot.settings.people import read_name
from connectors.base import Person, Place

HERE = Place("slack", "T1", "C1")
ADA = Person("U1", "Ada", realm="T1")
STRANGER = Person("U1", "Not Ada", external=True, realm="T2")
names = st.text(st.characters(exclude_characters=":/", exclude_categories=["Cs"]), min_size=1)


@given(connector=names, realm=st.just("") | names, id_=names)
def test_an_account_is_found_by_its_own_name_and_by_its_id(
    connector: str, realm: str, id_: str
) -> None:
    account = Account(connector, realm, id_)
    for text in (str(account), f"{connector}:{id_}", id_, account.name):
        assert Named.of(text).may_be(account)
    others = (
        replace(account, connector=f"{connector}x"),
        replace(account, id=f"{id_}x"),
        *([replace(account, realm=f"{realm}x")] if realm else []),
    )
    assert not any(Named.of(str(account)).may_be(other) for other in others)


@pytest.mark.parametrize(
    ("name", "hers", "the_stranger_s"),
    [
        ("slack:U1", True, False),
        ("slack:T1/U1", True, False),
        ("slack:T2/U1", False, True),
        ("discord:U1", False, False),
        ("web:U1", False, False),
        ("slack:U2", False, False),
    ],
)
def test_what_is_granted_to_somebody_is_nobody_else_s(
    name: str, hers: bool, the_stranger_s: bool
) -> None:
    listed = {Named.of(name)}
    assert granted(listed, HERE, ADA) is hers
    assert granted(listed, HERE, STRANGER) is the_stranger_s
    # The same person in a channel of a workspace that installed the bot as well.
    assert granted(listed, Place("slack", "T2", "C2"), replace(STRANGER, external=False)) is (
        the_stranger_s or name == "slack:U1"
    )


def test_a_block_without_a_realm_leaves_nobody_of_that_id_out() -> None:
    assert all(denied({Named.of("slack:U1")}, HERE, each) for each in (ADA, STRANGER))
    assert not denied({Named.of("slack:T2/U1")}, HERE, ADA)
    assert not denied({Named.of("discord:U1")}, HERE, ADA)


SLACK = "U024BE7LH"
DISCORD = "153456789012345678"
VISITOR = "Q2k5bG9uZ2VyLXRoYW4td2"


@pytest.mark.parametrize(
    ("bare", "connected", "read"),
    [
        (SLACK, {"web", "slack"}, f"slack:{SLACK}"),
        (SLACK, {"web", "slack", "discord"}, f"slack:{SLACK}"),
        (f"T024/{SLACK}", {"web", "slack"}, f"slack:T024/{SLACK}"),
        (DISCORD, {"web", "discord"}, f"discord:{DISCORD}"),
        (VISITOR, {"web", "slack", "discord"}, f"web:{VISITOR}"),
        ("boss", {"web"}, "web:boss"),
        ("folder:ann", {"web", "folder"}, "folder:ann"),
    ],
)
def test_a_bare_id_is_of_the_only_platform_where_it_can_be(
    bare: str, connected: set[str], read: str
) -> None:
    assert str(read_name(bare, connected)) == read


@pytest.mark.parametrize(
    ("text", "connected", "instead"),
    [
        (SLACK, {"web", "discord"}, f"slack:{SLACK}"),
        (DISCORD, {"web", "slack"}, f"discord:{DISCORD}"),
        ("U" * 22, {"web", "slack"}, f"slack:{'U' * 22} or web:{'U' * 22}"),
        ("boss", {"web", "slack"}, "slack:boss or discord:boss or web:boss"),
        ("teams:U1", {"web", "slack"}, "slack:… or discord:… or web:…"),
        ("folder:ann", {"web", "slack"}, "slack:… or discord:… or web:…"),
        ("teams:U1", {"web", "folder"}, "slack:… or discord:… or web:… or folder:…"),
        (VISITOR, {"web", "folder"}, f"web:{VISITOR} or folder:{VISITOR}"),
        ("slack:", {"web", "slack"}, "slack:… or discord:… or web:…"),
        (f"discord:G1/{DISCORD}", {"discord"}, f"discord:{DISCORD}"),
    ],
)
def test_an_id_that_can_be_several_people_s_is_refused_with_what_to_write(
    text: str, connected: set[str], instead: str
) -> None:
    with pytest.raises(ValueError, match="rite") as refusal:
        read_name(text, connected)
    assert str(refusal.value).endswith(instead)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot in one workspace of Slack's."""
    for name, value in {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("slack")
def test_a_bare_id_is_taken_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINS", f"{SLACK}, discord:{DISCORD}")
    settings = load_settings()
    assert settings.named("admins") == {Named(SLACK, "slack"), Named(DISCORD, "discord")}
    (line,) = settings.bare_ids()
    assert line == (
        f"ADMINS names {SLACK} without a platform, which will be refused: write slack:{SLACK}"
    )


@pytest.mark.parametrize("setting", ["ALLOW_PEOPLE", "BLOCK_PEOPLE", "ADMINS"])
def test_the_bot_does_not_start_where_it_is_not_clear_who_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, SLACK)
    monkeypatch.setenv("DISCORD_TOKEN", "token")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert f"{setting} does not say which platform {SLACK} is of" in str(refusal.value)
    assert f"write slack:{SLACK}" in str(refusal.value)


def test_in_many_workspaces_what_is_granted_needs_the_workspace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = {
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "s",
        "SLACK_SIGNING_SECRET": "s",
        "PUBLIC_URL": "https://bot.example",
        "ENCRYPTION_KEYS": "A" * 43 + "=",
        "BLOCK_PEOPLE": f"slack:{SLACK}",
        "ALLOW_PEOPLE": f"slack:T024/{SLACK}",
    }
    for name, value in many.items():
        monkeypatch.setenv(name, value)
    assert load_settings().named("allow_people") == {Named(SLACK, "slack", "T024")}
    monkeypatch.setenv("ADMINS", f"slack:{SLACK}")
    with pytest.raises(SettingsError, match=f"ADMINS names slack:{SLACK}.*write slack:T…/"):
        load_settings()

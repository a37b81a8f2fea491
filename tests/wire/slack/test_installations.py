"""The tokens of many workspaces: encrypted, remembered for a while, and forgotten when revoked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Refused, Unavailable
from connectors.keys import Keys
from connectors.slack.installations import Installations
from connectors.slack.installations import installations as module
from connectors.slack.installations.table import InstallationTable, Row
from connectors.slack.options import OAuth, SlackOptions
from tests.doubles.slack.faults import Broken
from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.real_time

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OAUTH = OAuth(CLIENT_ID, CLIENT_SECRET, "https://bot.example.com", (NEW,))


def opened(
    engine: AsyncEngine, *keys: str, api_url: str = "http://127.0.0.1:1/api/"
) -> Installations:
    """The installations as a process with these keys sees them."""
    oauth = replace(OAUTH, encryption_keys=keys or (NEW,))
    return Installations(engine, SlackOptions(api_url=api_url, oauth=oauth), oauth)


async def stored(engine: AsyncEngine) -> dict[str, str]:
    """What stands in the table: the tokens as they are kept."""
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT team, token FROM slack_installations"))
        return {row.team: row.token for row in rows}


async def test_a_token_is_given_back_as_it_came(engine: AsyncEngine) -> None:
    installations = opened(engine)
    await installations.save("T1", "Acme", "xoxb-test-1")
    await installations.save("T2", "Other", "xoxb-test-2")
    assert await installations.of("T1") == "xoxb-test-1"
    assert await opened(engine).of("T2") == "xoxb-test-2"
    assert await installations.teams() == {"T1": "Acme", "T2": "Other"}


async def test_no_token_stands_in_the_database(engine: AsyncEngine) -> None:
    await opened(engine).save("T1", "Acme", "xoxb-test-1")
    assert "xoxb" not in (await stored(engine))["T1"]


async def test_an_installation_again_replaces_the_first(engine: AsyncEngine) -> None:
    installations = opened(engine)
    await installations.save("T1", "Acme", "xoxb-test-1")
    await installations.save("T1", "Acme & Sons", "xoxb-test-2")
    assert await opened(engine).of("T1") == "xoxb-test-2"
    assert await installations.teams() == {"T1": "Acme & Sons"}


async def test_a_workspace_that_did_not_install_is_told_where_to(engine: AsyncEngine) -> None:
    with pytest.raises(Refused, match=r"workspace T9.*https://bot\.example\.com/slack/install"):
        await opened(engine).of("T9")


# Keys.


async def test_older_keys_still_decrypt(engine: AsyncEngine) -> None:
    await opened(engine, OLD).save("T1", "Acme", "xoxb-test-1")
    assert await opened(engine, NEW, OLD).of("T1") == "xoxb-test-1"


async def test_once_it_was_used_a_token_needs_its_older_key_no_more(engine: AsyncEngine) -> None:
    await opened(engine, OLD).save("T1", "Acme", "xoxb-test-1")
    await opened(engine, NEW, OLD).of("T1")
    assert await opened(engine, NEW).of("T1") == "xoxb-test-1"


async def test_a_wrong_key_is_told_with_its_cure(engine: AsyncEngine) -> None:
    await opened(engine, OLD).save("T1", "Acme", "xoxb-test-1")
    with pytest.raises(Refused, match=r"T1 \(Acme\).*ENCRYPTION_KEYS.*slack/install"):
        await opened(engine, NEW).of("T1")


def test_what_is_no_key_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="32 url-safe base64"):
        Keys(["password"])


def test_a_stored_token_is_no_state_and_a_state_no_token() -> None:
    keys = Keys([NEW])
    assert keys.nonce_in(keys.encrypted("xoxb-test"), 600) is None
    assert keys.decrypted(keys.state("nonce")) is None
    assert keys.nonce_in(keys.state("nonce"), 600) == "nonce"


# Several processes.


async def test_other_processes_see_a_new_token_within_a_minute(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "_now", lambda: now)
    one, other = opened(engine), opened(engine)
    await one.save("T1", "Acme", "xoxb-test-1")
    assert await other.of("T1") == "xoxb-test-1"
    await one.save("T1", "Acme", "xoxb-test-2")
    assert await other.of("T1") == "xoxb-test-1"
    now += 60
    assert await other.of("T1") == "xoxb-test-2"


async def test_a_database_that_is_away_does_not_stop_those_who_are_known(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "_now", lambda: now)
    installations = opened(engine)
    await installations.save("T1", "Acme", "xoxb-test-1")
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE slack_installations"))
    now += 60
    assert await installations.of("T1") == "xoxb-test-1"
    with pytest.raises(Unavailable):
        await installations.of("T2")


async def test_a_change_is_made_to_the_end_when_nobody_waits_any_more(engine: AsyncEngine) -> None:
    installations = opened(engine)
    saving = asyncio.create_task(installations.save("T1", "Acme", "xoxb-test-1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    await opened(engine).save("T2", "Other", "xoxb-test-2")
    await installations.aclose()
    assert (await stored(engine)).keys() == {"T1", "T2"}


# Removal.


async def test_a_workspace_that_removed_the_app_is_forgotten(
    slack: Slack, engine: AsyncEngine
) -> None:
    installations = opened(engine, api_url=slack.url)
    await installations.save(slack.workspace.id, "Acme", slack.bot_token)
    slack.workspace.void = "account_inactive"
    await installations.forget(slack.workspace.id)
    assert await stored(engine) == {}
    with pytest.raises(Refused, match="isn't installed"):
        await installations.of(slack.workspace.id)


async def test_a_late_word_of_a_removal_does_not_undo_a_new_installation(
    slack: Slack, engine: AsyncEngine
) -> None:
    installations = opened(engine, api_url=slack.url)
    await installations.save(slack.workspace.id, "Acme", slack.bot_token)
    await installations.forget(slack.workspace.id)
    assert await installations.of(slack.workspace.id) == slack.bot_token


async def test_where_slack_can_not_be_asked_the_word_has_to_come_again(
    slack: Slack, engine: AsyncEngine
) -> None:
    installations = opened(engine, api_url=slack.url)
    await installations.save(slack.workspace.id, "Acme", slack.bot_token)
    slack.fault("auth.test", Broken())
    with pytest.raises(Unavailable):
        await installations.forget(slack.workspace.id)
    assert slack.workspace.id in await stored(engine)


async def test_a_token_without_a_key_is_forgotten_unseen(engine: AsyncEngine) -> None:
    await opened(engine, OLD).save("T1", "Acme", "xoxb-test-1")
    await opened(engine, NEW).forget("T1")
    assert await stored(engine) == {}


async def test_forgetting_twice_is_fine(engine: AsyncEngine) -> None:
    await opened(engine).forget("T1")


async def test_a_removal_spares_what_was_stored_meanwhile(engine: AsyncEngine) -> None:
    table = InstallationTable(engine)
    await table.put(Row("T1", "Acme", "first"))
    seen = await table.find("T1")
    assert seen is not None
    await table.put(Row("T1", "Acme", "second"))
    await table.remove(seen)
    await table.replace(seen, "third")
    assert await stored(engine) == {"T1": "second"}


async def test_nothing_that_is_secret_is_printed(engine: AsyncEngine) -> None:
    assert "xoxb" not in repr(Row("T1", "Acme", "xoxb-test"))
    assert CLIENT_SECRET not in repr(OAUTH)
    assert NEW not in repr(OAUTH)
    assert "xoxb" not in repr(opened(engine))

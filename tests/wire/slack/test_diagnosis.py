"""What the doctor says of a Slack app: every fault at once, each with the step that mends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import ConnectorError, Lacking, Refused, Unavailable
from connectors.slack.api import Api, OneToken
from connectors.slack.checks import diagnose
from connectors.slack.installations import Installations
from connectors.slack.options import SCOPES, OAuth, SlackOptions
from tests.doubles.slack.faults import Broken, Says, TooMany
from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import APP_TOKEN, CLIENT_ID, CLIENT_SECRET, SIGNING_SECRET

pytestmark = pytest.mark.real_time

KEY = Fernet.generate_key().decode()


def options(slack: Slack, **changes: Any) -> SlackOptions:
    """Options for Socket Mode with which nothing is wrong."""
    right = SlackOptions(bot_token=slack.bot_token, app_token=APP_TOKEN, api_url=slack.url)
    return replace(right, **changes)


async def faults(slack: Slack, **changes: Any) -> list[str]:
    """What is wrong with a bot in one workspace."""
    made = options(slack, **changes)
    api = Api(slack.url, OneToken(made.bot_token or ""))
    try:
        await diagnose(api, made)
    except Refused as error:
        return str(error).splitlines()
    finally:
        await api.aclose()
    return []


async def test_an_app_with_all_it_needs_passes(slack: Slack) -> None:
    assert await faults(slack) == []
    assert await faults(slack, app_token=None, signing_secret=SIGNING_SECRET) == []


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
async def test_each_missing_scope_is_named_with_its_use_its_events_and_its_cure(
    slack: Slack, scope: Any
) -> None:
    slack.workspace.scopes = tuple(s for s in slack.workspace.scopes if s != scope.name)
    (fault,) = await faults(slack)
    assert fault.startswith(f"The scope {scope.name} is missing; it is needed {scope.use}")
    assert all(event in fault for event in scope.events)
    assert "OAuth & Permissions > Bot Token Scopes" in fault
    assert fault.endswith("then Reinstall to Workspace.")


async def test_every_missing_scope_has_its_line(slack: Slack) -> None:
    slack.workspace.scopes = ("chat:write",)
    assert len(await faults(slack)) == len(SCOPES) - 1


async def test_a_bot_token_that_slack_refuses_is_told_with_the_place_of_the_right_one(
    slack: Slack,
) -> None:
    (fault,) = await faults(slack, bot_token="xoxb-wrong")
    assert "SLACK_BOT_TOKEN is refused (invalid_auth)" in fault
    assert "Bot User OAuth Token" in fault
    assert "xoxb-wrong" not in fault


async def test_a_missing_bot_token_is_told(slack: Slack) -> None:
    (fault,) = await faults(slack, bot_token=None)
    assert "SLACK_BOT_TOKEN is refused (not_authed)" in fault


async def test_a_persons_token_is_not_the_bots(slack: Slack) -> None:
    slack.workspace.bot_id = ""
    (fault,) = await faults(slack)
    assert "SLACK_BOT_TOKEN is not a bot's" in fault


async def test_an_app_token_that_slack_refuses_is_told_with_both_cures(slack: Slack) -> None:
    (fault,) = await faults(slack, app_token="xapp-wrong")
    assert "SLACK_APP_TOKEN is refused (not_allowed_token_type)" in fault
    assert "connections:write" in fault
    assert "Socket Mode > switch it on" in fault


async def test_tokens_of_two_apps_are_found_out(slack: Slack) -> None:
    """Questions would come from one app, and answers from the other."""
    slack.fault("apps.connections.open", TooMany(60), TooMany(60))
    (fault,) = await faults(slack, app_token="xapp-1-A0OTHER-1-test")
    assert "two different apps" in fault
    assert await faults(slack, app_token="xapp-1-A0EVERYTOK-1-test") == []


async def test_a_bot_that_nothing_can_reach_is_told(slack: Slack) -> None:
    (fault,) = await faults(slack, app_token=None)
    assert "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)" in fault


async def test_all_faults_are_told_at_once(slack: Slack) -> None:
    slack.workspace.scopes = tuple(s.name for s in SCOPES if s.name != "users:read")
    first, second = await faults(slack, app_token="xapp-wrong")
    assert "SLACK_APP_TOKEN" in first
    assert "users:read" in second


async def test_a_rate_limit_is_no_fault(slack: Slack) -> None:
    slack.fault("apps.connections.open", TooMany(60))
    assert await faults(slack) == []


async def test_a_slack_that_is_away_is_no_fault_of_the_apps(slack: Slack) -> None:
    slack.fault("auth.test", Broken())
    with pytest.raises(Unavailable):
        await faults(slack)


# Many workspaces.


class Many:
    """A bot that many workspaces installed."""

    def __init__(self, slack: Slack, engine: AsyncEngine, **changes: Any) -> None:
        self.oauth = replace(
            OAuth(CLIENT_ID, CLIENT_SECRET, "https://bot.example.com", (KEY,)), **changes
        )
        self.options = SlackOptions(
            signing_secret=SIGNING_SECRET, api_url=slack.url, oauth=self.oauth
        )
        self.installations = Installations(engine, self.options, self.oauth)
        self.api = Api(slack.url, self.installations)

    async def faults(self) -> list[str]:
        """What is wrong with it."""
        try:
            await diagnose(self.api, self.options, self.installations)
        except Refused as error:
            return str(error).splitlines()
        finally:
            await self.api.aclose()
        return []


@pytest.fixture
async def many(slack: Slack, engine: AsyncEngine) -> AsyncIterator[Many]:
    """A bot that two workspaces installed."""
    made = Many(slack, engine)
    second = slack.add_workspace()
    await made.installations.save(slack.workspace.id, "Acme", slack.bot_token)
    await made.installations.save(second.id, "Other", second.bot_token)
    yield made
    await made.api.aclose()


async def test_an_app_of_many_workspaces_passes(many: Many) -> None:
    assert await many.faults() == []


async def test_an_app_that_nobody_installed_yet_passes(slack: Slack, engine: AsyncEngine) -> None:
    assert await Many(slack, engine).faults() == []


async def test_each_workspace_that_lacks_a_scope_is_named_with_the_page_that_mends_it(
    slack: Slack, many: Many
) -> None:
    (second,) = list(slack.board.platform.workspaces.values())[1:]
    second.scopes = tuple(s.name for s in SCOPES if s.name != "files:read")
    (fault,) = await many.faults()
    assert fault.startswith(f"Other ({second.id}): The scope files:read is missing")
    assert fault.endswith("Install it there again: https://bot.example.com/slack/install.")


async def test_a_workspace_that_removed_the_app_meanwhile_is_forgotten(
    slack: Slack, many: Many
) -> None:
    slack.workspace.void = "account_inactive"
    assert await many.faults() == []
    assert list(await many.installations.teams()) == ["T0EVERY002"]


async def test_a_workspace_that_forbids_it_is_named(slack: Slack, many: Many) -> None:
    slack.fault_by(lambda call: Says("ekm_access_denied") if call.method == "auth.test" else None)
    assert [fault.partition(":")[0] for fault in await many.faults()] == [
        f"Acme ({slack.workspace.id})",
        "Other (T0EVERY002)",
    ]


async def test_a_key_that_is_missing_is_told_for_each_workspace(
    slack: Slack, engine: AsyncEngine, many: Many
) -> None:
    other = Many(slack, engine, encryption_keys=(Fernet.generate_key().decode(),))
    found = await other.faults()
    assert len(found) == 2
    assert all("ENCRYPTION_KEYS" in fault for fault in found)
    assert len(await many.installations.teams()) == 2


async def test_a_wrong_client_secret_is_told(slack: Slack, engine: AsyncEngine) -> None:
    (fault,) = await Many(slack, engine, client_secret="wrong").faults()
    assert "SLACK_CLIENT_SECRET are refused (bad_client_secret)" in fault
    assert "Basic Information > App Credentials" in fault


async def test_slack_sends_nobody_back_to_an_address_without_https(
    slack: Slack, engine: AsyncEngine
) -> None:
    made = Many(slack, engine, public_url="http://bot.example.com")
    made.options = replace(made.options, api_url="https://slack.com/api/")
    (fault,) = await made.faults()
    assert "PUBLIC_URL begins with http://" in fault


async def test_a_database_that_is_away_is_told(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise Unavailable("The database did not do its part.")

    monkeypatch.setattr(many.installations, "teams", away)
    with pytest.raises(ConnectorError, match="database"):
        await many.faults()


async def test_an_older_app_works_and_is_told_what_it_does_without(slack: Slack, api: Api) -> None:
    slack.board.platform.knows_sessions = False
    with pytest.raises(Lacking, match=r"no agent sessions \(unknown_method\).*agent_view"):
        await diagnose(api, options(slack))
    slack.board.platform.knows_sessions = True
    await diagnose(api, options(slack))
    assert slack.board.platform.sessions == {}

"""The commands: `doctor` says how servers are, `runs show` and `tools` what was called."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.cli.doctor import _servers
from bot.settings import Settings, load_settings
from bot.store import CallKey, CallResult, RuleScope, open_store, upgrade
from bot.words import Sentence
from tests.doubles import counting_server
from tests.doubles.stored import start
from tests.doubles.tools import ADA, PLACE, asked

pytestmark = pytest.mark.real_time

COUNTING = {"command": sys.executable, "args": ["-S", counting_server.__file__, "counted"]}
ALL = len(counting_server.TOOLS)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def configured(folder: Path, servers: dict[str, Any]) -> str:
    """A file of servers."""
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return str(path)


async def test_doctor_says_of_each_server_how_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"command": sys.executable, "args": ["-c", "raise SystemExit('no key')"]}
    servers = {
        "good": {**COUNTING, "tools": ["count", "slow"], "approve": "never"},
        "asking": {**COUNTING, "tools": ["count"], "trust": True},
        "bare": COUNTING,
        "wrong": {**COUNTING, "tools": ["cuont"]},
        "gone": {"command": "no-such-program"},
        "broken": broken,
    }
    monkeypatch.setenv("MCP_CONFIG", configured(tmp_path, servers))
    checks = {check.name: check for check in await _servers(load_settings())}
    said = {name: (check.ok, check.detail) for name, check in checks.items()}
    assert said == {
        "tools good": (
            True,
            f"2 of its {ALL} tools may be called: count (doesn't ask), slow (doesn't ask)",
        ),
        "tools asking": (True, f"1 of its {ALL} tools may be called: count (asks)"),
        "tools bare": (False, f"none of its {ALL} tools may be called"),
        "tools wrong": (False, "it has no tool cuont"),
        "tools gone": (
            False,
            'gone can\'t be started (it said: "there is no program no-such-program")',
        ),
        "tools broken": (False, 'broken ended before it said what it is (it said: "no key")'),
    }
    assert "it has: count, slow, hang" in checks["tools wrong"].cure
    assert all(check.cure for check in checks.values() if not check.ok)


async def kept(url: str) -> tuple[CallKey, str]:
    """A run with three calls, and a rule."""
    await upgrade(url)
    store = open_store(url)
    run = start()
    store.runs.begin(run)
    await store.settled(run.run_id, 10)
    keys = [CallKey(run.run_id, n) for n in range(3)]
    for key in keys:
        await store.calls.ask(key, asked())
    await store.calls.wait(keys[0], Sentence("tool.writes", {"name": "send"}), 60)
    await store.calls.approve(keys[0], ADA, asked().binding)
    await store.calls.send(keys[0], 0, asked().binding)
    await store.calls.answer(keys[0], CallResult("sent", "a" * 64, 4))
    await store.calls.allow(keys[1], Sentence("tool.never", {"server": "mail"}))
    await store.calls.send(keys[1], 0, asked().binding)
    timeout = Sentence("tool.timeout", {"server": "mail", "seconds": 30})
    await store.calls.lose(keys[1], timeout)
    await store.calls.refuse(keys[2], Sentence("tool.off"))
    scope = RuleScope(PLACE, ADA, "mail", "send", "c" * 64, "t" * 64)
    rule_id = await store.rules.add(scope, ADA, 3600)
    await store.aclose()
    return keys[0], rule_id


def test_calls_and_rules_are_shown_and_rules_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    monkeypatch.setenv("DATABASE_URL", url)
    key, rule_id = asyncio.run(kept(url))

    def ran(*arguments: str) -> str:
        found = CliRunner().invoke(cli, arguments)
        assert found.exit_code == 0, found.output
        return found.output

    lines = [line for line in ran("runs", "show", str(key.run_id)).splitlines() if "mail" in line]
    assert lines == [
        f"call      mail.send answered in 0.0 s, by {ADA}: send may change something",
        "call      mail.send uncertain in 0.0 s: mail didn't answer within 30 s: "
        "it may have done it",
        "call      mail.send refused: tools are turned off",
    ]
    calls = json.loads(ran("runs", "show", str(key.run_id), "--json"))["calls"]
    assert [call["state"] for call in calls] == ["answered", "uncertain", "refused"]
    assert calls[0]["asked"]["arguments"] == asked().arguments
    assert f"{rule_id}  mail.send  for {ADA} in slack / T1 / C1 / 171.5" in ran("tools", "rules")
    assert json.loads(ran("tools", "rules", "--json"))[0]["asker"] == str(ADA)
    assert "revoked" in ran("tools", "revoke", rule_id)
    assert "No rule holds" in CliRunner().invoke(cli, ["tools", "rules"]).output
    again = CliRunner().invoke(cli, ["tools", "revoke", rule_id])
    assert again.exit_code == 1
    assert "everytoken tools rules` lists those that do" in again.output


def test_tools_are_turned_off_and_on_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    monkeypatch.setenv("DATABASE_URL", url)
    asyncio.run(upgrade(url))

    def said(*arguments: str) -> str:
        found = CliRunner().invoke(cli, ["tools", *arguments])
        assert found.exit_code == 0, found.output
        return found.output.strip()

    assert said() == "Tools are on."
    assert said("off") == said("off") == "Tools are off."
    assert said().startswith("Tools are off since 20")
    assert said().endswith("everytoken tools on`")
    assert "by the operator: `" in said()
    assert said("on") == said("on") == said() == "Tools are on."
    monkeypatch.setenv("TOOLS", "false")
    assert said() == said("on") == "Tools are off: TOOLS=false."

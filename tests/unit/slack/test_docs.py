"""The page that tells how to connect Slack keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import Settings
from connectors.slack import checks
from connectors.slack.options import SCOPES
from tests.unit.slack.test_manifest import ROOT

PAGE = (ROOT / "docs" / "connect-slack.md").read_text(encoding="utf-8")
MESSAGES = [
    checks.NO_WAY_IN,
    checks.APP_TOKEN,
    checks.BOT_TOKEN,
    checks.USER_TOKEN,
    checks.OTHER_APP,
    checks.UNPROTECTED,
    checks.CLIENT,
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message[:40])
def test_each_message_of_the_doctor_has_its_cure(message: str) -> None:
    lead = re.split(r" \(|:(?!//)|,", message)[0]
    assert f"`{lead}`" in PAGE


def test_every_scope_is_explained() -> None:
    assert all(f"`{scope.name}`" in PAGE for scope in SCOPES)


def test_every_setting_that_is_named_exists() -> None:
    named = set(
        re.findall(r"\b((?:SLACK|ALLOW|HISTORY|EDIT|FOLLOW|ENCRYPTION|PUBLIC)_[A-Z_]+)", PAGE)
    )
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_address_to_be_changed_stands_there_as_often_as_is_said() -> None:
    manifest = (ROOT / "slack" / "manifest.http.json").read_text(encoding="utf-8")
    assert manifest.count("bot.example.com") == 4
    assert "it stands there four times" in PAGE


def test_every_link_leads_somewhere() -> None:
    targets = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in link]
    assert targets
    assert all((Path(ROOT, "docs") / target).exists() for target in targets)
    anchors = {re.sub(r"[^a-z ]", "", title.lower()).replace(" ", "-") for title in _titles()}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def _titles() -> list[str]:
    return re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)

"""Who has to allow a call: every combination, and no server by what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from bot.identity import Account
from bot.store import RuleScope, ToolRule
from bot.tools import ServerConfig, ToolInfo, Wanted, arguments_of, binding_of, decide, may_decide
from bot.words import english
from tests.doubles.tools import ADA, CONFIG, PLACE, SEND

READS: dict[str, Any] = {"readOnlyHint": True}


def rule(config: ServerConfig = CONFIG, tool: ToolInfo = SEND) -> ToolRule:
    """A rule for this tool as it is described."""
    scope = RuleScope(PLACE, ADA, config.name, tool.name, config.sha256, tool.sha256)
    return ToolRule("rule-1", scope, str(ADA), 1, 2, None)


def wanted(config: ServerConfig | None = CONFIG, **changes: Any) -> Wanted:
    """A call of the tool."""
    return replace(Wanted("send", '{"to": "bob"}', config, SEND), **changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"off": True}, "tool.off"),
        ({"config": None}, "tool.not_allowed"),
        ({"config": replace(CONFIG, tools=())}, "tool.not_allowed"),
        ({"tool_name": "delete"}, "tool.not_allowed"),
        ({"tool": None}, "tool.unknown"),
        ({"arguments": '{"to": '}, "tool.arguments"),
        ({"arguments": "[1]"}, "tool.arguments"),
        ({"arguments": '{"n": NaN}'}, "tool.arguments"),
        ({"arguments": '{"n": 1e999}'}, "tool.arguments"),
        ({"arguments": '{"n": ["\\ud800"]}'}, "tool.arguments"),
        ({"arguments": '{"\\ud800": 1}'}, "tool.arguments"),
        ({"arguments": "[" * 100_000}, "tool.arguments"),
        ({"arguments": '{"n": ' + "[" * 70 + "]" * 70 + "}"}, "tool.arguments"),
    ],
)
def test_what_may_not_be_called_is_refused(changes: dict[str, Any], reason: str) -> None:
    """Also where everything else would allow it."""
    usual = replace(CONFIG, approve="never")
    config = changes.pop("config", usual)
    decided = decide(wanted(config, **changes))
    assert (decided.state, decided.reason.id) == ("refused", reason)
    assert english(decided.reason)


ANNOTATIONS: tuple[dict[str, Any], ...] = (
    {}, READS, {"readOnlyHint": "true"}, {**READS, "destructiveHint": True},
    {"destructiveHint": False, "idempotentHint": True},
)  # fmt: skip


@pytest.mark.parametrize(
    ("approve", "trust", "annotations"),
    list(product(("always", "writes", "never"), (False, True), ANNOTATIONS)),
)
def test_a_call_waits_unless_the_operator_has_said_otherwise(
    approve: Any, trust: bool, annotations: dict[str, Any]
) -> None:
    config = replace(CONFIG, approve=approve, trust=trust)
    tool = replace(SEND, annotations=annotations)
    reads = approve == "writes" and trust and annotations == READS
    free = approve == "never" or reads
    assert (decide(wanted(config, tool=tool)).state == "approved") == free
    doubted = decide(wanted(config, tool=tool, doubted=True))
    assert (doubted.state, doubted.reason.id) == ("waiting", "tool.doubted"), "asked once more"


@pytest.mark.parametrize("approve", ["always", "writes"])
def test_a_rule_allows_what_it_was_made_for_where_the_operator_marks_the_tool(
    approve: Any,
) -> None:
    config = replace(CONFIG, approve=approve, remember=("send",))
    decided = decide(wanted(config, rule=rule(config)))
    assert (decided.state, decided.rule_id) == ("approved", "rule-1")
    unmarked = replace(config, remember=())
    others = [
        wanted(unmarked, rule=rule(unmarked)),
        wanted(config, rule=rule(replace(config, sha256="d" * 64))),
        wanted(config, rule=rule(config, replace(SEND, description="Sends two mails."))),
        wanted(config, rule=rule(config, replace(SEND, name="other"))),
        wanted(config, rule=rule(config), doubted=True),
    ]
    assert [decide(each).state for each in others] == ["waiting"] * len(others)


def test_equal_arguments_have_one_hash_and_others_another() -> None:
    same = ['{"a": 1, "b": [1, 2]}', '{"b":[1,2],"a":1}', ' {"b": [1, 2],\n"a": 1} ']
    others = [
        '{"a": 1}',
        '{"a": 1.0, "b": [1, 2]}',
        '{"a": true, "b": [1, 2]}',
        "",
        "{",
        '"\\ud800"',
    ]
    assert len({binding_of(text, CONFIG, SEND).arguments for text in same}) == 1
    assert len({binding_of(text, CONFIG, SEND).arguments for text in same + others}) == 7
    assert arguments_of("") == {}


@pytest.mark.parametrize(
    "change",
    [{"name": "x"}, {"description": "x"}, {"schema": {}}, {"annotations": {}}],
)
def test_another_description_is_another_tool(change: dict[str, Any]) -> None:
    changed = replace(SEND, **change)
    assert binding_of("{}", CONFIG, changed).tool != binding_of("{}", CONFIG, SEND).tool


def test_only_the_asker_or_an_admin_may_decide() -> None:
    other = Account("slack", "T2", ADA.id)
    assert may_decide(ADA, ADA, admin=False)
    assert may_decide(other, ADA, admin=True)
    assert not may_decide(other, ADA, admin=False), "the same id in another realm"

"""The demonstration's script answers one question, and whatever becomes of its calls."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bot.app import demonstration
from bot.tools import as_data
from providers.base import Generation, Request, Tool, ToolCall, Turn
from providers.scripted import ScriptedProvider

TOOLS = tuple(Tool(f"notes__{name}", "", {}) for name in ("read", "write"))


async def said(*turns: Turn, tools: tuple[Tool, ...] = TOOLS) -> Generation:
    """What the script answers to these turns."""
    model = demonstration.played(demonstration.QUESTION)
    assert isinstance(model, ScriptedProvider)
    generation = Generation()
    request = Request((Turn("user", demonstration.QUESTION), *turns), tools=tools)
    await model.generate(request, run_id=uuid4(), callbacks=[], generation=generation)
    return generation


def called(name: str, text: str, *, failed: bool = False) -> tuple[Turn, Turn]:
    call = ToolCall("1", f"notes__{name}", "{}")
    told = Turn("tool", text, call_id="1", name=call.name, failed=failed)
    return Turn("assistant", "", calls=(call,)), told


def test_any_other_question_is_the_models() -> None:
    assert demonstration.played("Show me a tool") is None


async def test_it_reads_and_then_it_wants_to_write() -> None:
    first = await said()
    assert [call.name for call in first.calls] == ["notes__read"]
    second = await said(*called("read", as_data("There are no notes.", "notes", "read")))
    assert [call.name for call in second.calls] == ["notes__write"]


@pytest.mark.parametrize(
    ("result", "failed", "told"),
    [
        (as_data("Kept.", "notes", "write"), False, "The server says: *Kept.*"),
        ("it was not allowed", True, "No note, then: it was not allowed."),
    ],
)
async def test_it_says_what_became_of_the_note(result: str, failed: bool, told: str) -> None:
    last = await said(*called("write", result, failed=failed))
    assert told in last.text
    assert (last.calls, last.finish_reason) == ([], "stop")


async def test_without_tools_it_says_that_there_is_nothing_to_show() -> None:
    assert "turned off" in (await said(tools=())).text

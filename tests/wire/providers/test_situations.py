"""Who failed, and what cures it: each answer of each service comes to its cause, both ways."""

from __future__ import annotations

import pytest

from bot.runs.outcomes import cure, in_full
from bot.words import happened
from providers.base import ProviderError
from providers.causes import CAUSES
from providers.failures import redacted
from tests.contract.provider import ask
from tests.doubles.openai import OpenAIServer
from tests.doubles.providers.ways import WAYS, Way, at
from tests.unit.providers.table import documented
from tests.wire.providers.situations import BEGIN, SITUATIONS, Situation, openai, table

pytestmark = pytest.mark.real_time


async def refused(situation: Situation, way: Way) -> ProviderError:
    """How a provider tells of what the service answered."""
    async with OpenAIServer(situation.answer()) as server:
        provider = at(server, way, "compatible", model="m")
        told = await ask(provider)
        await provider.aclose()
    assert told.error is not None
    return told.error


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: f"{one.service}-{one.cause}")
async def test_an_answer_comes_to_its_cause(situation: Situation, way: Way) -> None:
    error = await refused(situation, way)
    assert error.cause == situation.cause, error.said
    assert type(error).__name__ == CAUSES[situation.cause].kind
    error.model = "compatible:m"
    for sentence in (happened(error), cure(error)):
        assert "{" not in sentence


def test_the_table_of_causes_is_as_the_page_has_it() -> None:
    """If it is not, `python -m tests.wire.providers.situations` writes it anew."""
    assert documented(BEGIN) == table()


async def test_the_operator_has_the_services_own_words() -> None:
    situation = Situation("key_may_not", "OpenAI", 403, openai("Project p1 may not use gpt-5."))
    error = await refused(situation, "lean")
    assert error.said == "Project p1 may not use gpt-5."
    assert 'It said: "Project p1 may not use gpt-5."' in in_full(error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "quoted",
    [
        "Incorrect API key provided: sk-abcdefghijklmnop. See https://x.example",
        "Incorrect API key provided: sk-ab**************op.",
        "Bad header: Authorization: Bearer sk-secret-1234567890",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is not known",
        "key AIzaSyD-1234567890abcdefghijklmnopqrstu is blocked",
        "https://me:hunter2hunter2@proxy.example refused",
    ],
)
async def test_no_key_is_in_them(quoted: str, way: Way) -> None:
    error = await refused(Situation("key_refused", "OpenAI", 401, openai(quoted)), way)
    assert "[key]" in error.said
    for secret in ("abcdefghijklmnop", "sk-", "eyJ", "AIza", "hunter2", "1234567890"):
        assert secret not in in_full(error)


QUESTION = "Please tell me how the harbour of Rotterdam is dredged.\nIn two lines."


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"Flagged: {QUESTION!r}", "Flagged: '[…]'"),
        ("Flagged: tell me how the harbour of...", "Flagged:[…]..."),
        ("Flagged: HOW THE HARBOUR OF ROTTERDAM", "Flagged:[…]"),
        ("The word 'harbour' is fine here", "The word 'harbour' is fine here"),
        ("不允许：请告诉我港口如何疏浚吗", "不允许：[…]吗"),
        ("bad word: tea", "bad word: […]"),
        ("teacher is no word of it", "teacher is no word of it"),
    ],
)
def test_nothing_of_the_conversation_is_in_them(said: str, left: str) -> None:
    """Neither whole nor in part, whatever its script; a word alone tells nothing."""
    asked = [QUESTION, "请告诉我港口如何疏浚", "tea"]
    assert redacted(said, asked, Exception()) == left


def test_they_are_short() -> None:
    assert len(redacted("no " * 10_000, ["why"], Exception())) == 300

"""What is known of models by their names."""

from __future__ import annotations

import pytest

from providers.thinking import begins, slowness


@pytest.mark.parametrize(
    ("model", "times"),
    [
        ("gpt-5-pro", 5),
        ("gpt-5.2-pro-2026-01-01", 5),
        ("o1-pro", 5),
        ("openai/o3-pro", 5),
        ("o3-deep-research", 5),
        ("o4-mini-deep-research", 5),
        ("sonar-deep-research", 5),
        ("o1", 3),
        ("o3-mini", 3),
        ("openai/o4-mini", 3),
        ("gpt-5", 3),
        ("gpt-5-mini", 3),
        ("deepseek-reasoner", 3),
        ("deepseek-ai/DeepSeek-R1", 3),
        ("Qwen/QwQ-32B", 3),
        ("kimi-k2-thinking", 3),
        ("gpt-oss:20b", 3),
        ("gpt-5-chat-latest", 1),
        ("gpt-4o-mini", 1),
        ("gpt-4.1", 1),
        ("llama-3.3-70b-versatile", 1),
        ("claude-haiku-4-5", 1),
        ("mistral-large-latest", 1),
        ("professional-model", 1),
        ("foo1", 1),
    ],
)
def test_models_that_think_long_may_be_silent_for_longer(model: str, times: int) -> None:
    """By as much as is known of them."""
    assert slowness(model) == times


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("deepseek-r1:14b", True),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507", True),
        ("MiniMaxAI/MiniMax-M2", True),
        ("QwQ-32B", True),
        ("Qwen/Qwen3-8B", False),
        ("gpt-5", False),
        ("deepseek-chat", False),
    ],
)
def test_some_models_begin_within_their_thoughts(model: str, known: bool) -> None:
    """Their chat templates open them."""
    assert begins(model) is known
    assert (begins(model, True), begins(model, False)) == (True, False)

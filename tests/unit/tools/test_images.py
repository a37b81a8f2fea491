"""IMAGE_MODEL: another model makes an image as a tool, which is shown, proven and counted."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.app.models import make_servers
from bot.runs import Result
from bot.settings import Settings, SettingsError
from providers.base import ProviderError, Usage
from providers.errors import failure
from providers.prices import ModelPrice, Prices
from providers.scripted import CallTool, Finish
from tests.doubles.illustrator import MODEL, Illustrator, an_image_toolbox
from tests.doubles.painter import PNG
from tests.doubles.way import Way, a_way

PRICES = Prices(
    own={MODEL: ModelPrice(input=Decimal(10), output=Decimal(40))},
    every=ModelPrice(input=Decimal(1), output=Decimal(2)),
)


@asynccontextmanager
async def illustrated(
    makes: Usage | ProviderError | None, prompt: object = "a fox"
) -> AsyncIterator[tuple[Way, Result, Illustrator]]:
    """An answer for which an image is made."""
    illustrator = Illustrator(makes)
    first = [CallTool("images__make_image", {"prompt": prompt})]
    second = ["A fox.", Finish(usage=Usage(200, 20))]
    tools = an_image_toolbox(illustrator)
    async with a_way(first, second, toolbox=tools, price=PRICES.cost) as way:
        yield way, await way.answer("Draw a fox."), illustrator


def results(way: Way) -> list[str]:
    """What the model was given."""
    return [turn.text for turn in way.provider.requests[-1].turns if turn.role == "tool"]


async def test_an_image_is_shown_once_and_proven_and_needs_nobody_s_leave() -> None:
    async with illustrated(None) as (way, result, illustrator):
        assert illustrator.prompts == ["a fox"]
        [(_, upload, name)] = way.connector.platform.attached
        assert (name, way.connector.platform.uploads[upload]) == ("make_image.png", PNG)
        [proof] = result.receipt.files
        sha256 = hashlib.sha256(PNG).hexdigest()
        assert proof.generated == proof.recorded == proof.shown == sha256
        assert (result.outcome, result.receipt.verdict) == ("complete", "verified")
        assert "make_image.png" in results(way)[0]


async def test_what_an_image_took_counts_beside_the_answer_s_own_tokens() -> None:
    async with illustrated(Usage(50, 4_000)) as (way, _, _):
        end = (await way.store.runs.recent(1))[0].end
    assert end is not None
    assert (end.input_tokens, end.output_tokens) == (250, 4_020)
    assert end.cost_microusd == 200 * 1 + 20 * 2 + 50 * 10 + 4_000 * 40


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (failure("nobody_listens", params={"host": "127.0.0.1:9"}), "failed"),
        (failure("question_filtered"), "failed"),
        (failure("silent"), "uncertain"),
        (failure("broken_off", params={"host": "127.0.0.1:9"}), "uncertain"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.cause,
)
async def test_an_image_that_failed_is_told_and_the_answer_goes_on(
    error: ProviderError, state: str
) -> None:
    async with illustrated(error) as (way, result, _):
        [row] = await way.store.calls.of_run(result.run_id)
        assert row.state == state
        assert not way.connector.platform.attached
        assert (result.text, result.receipt.verdict) == ("A fox.", "verified")


async def test_what_is_wrong_with_the_settings_is_told_to_the_operator_alone() -> None:
    said = "Incorrect API key, organization org-7."
    with capture_logs() as logs:
        async with illustrated(failure("key_refused", said=said)) as (way, result, _):
            assert "org-7" not in results(way)[0]
            assert result.receipt.verdict == "verified"
    [told] = [line for line in logs if line["event"] == "image.failed"]
    assert (told["cause"], told["said"]) == ("key_refused", said)


@pytest.mark.parametrize("prompt", ["", "  ", "x" * 32_001, 7, None, ["a fox"]])
async def test_what_is_no_prompt_is_not_sent(prompt: Any) -> None:
    async with illustrated(None, prompt) as (way, result, illustrator):
        assert illustrator.prompts == []
        [row] = await way.store.calls.of_run(result.run_id)
        assert row.state == "failed"
        assert "1 to 32000 characters" in results(way)[0]


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, openai_api_key="sk-1", **given)


@pytest.mark.parametrize(
    "model", ["local", "gpt-image-1", "openai:", "anthropic:claude", "nobody:x"]
)
def test_a_model_that_can_t_make_images_is_refused_with_the_form(model: str) -> None:
    with pytest.raises(ValueError, match="IMAGE_MODEL has to be provider:model of a service like"):
        settings(image_model=model)


def test_the_key_of_its_service_is_needed() -> None:
    with pytest.raises(ValueError, match="OPENAI_API_KEY is missing: IMAGE_MODEL=openai:gpt-image"):
        Settings(_env_file=None, image_model="openai:gpt-image-1")


async def test_a_server_of_the_same_name_is_refused(tmp_path: Path) -> None:
    assert make_servers(settings(image_model=MODEL)).names == ("images",)
    file = tmp_path / "mcp.json"
    file.write_text('{"mcpServers": {"images": {"command": "true", "tools": ["x"]}}}')
    with pytest.raises(SettingsError, match="give that server another"):
        make_servers(settings(image_model=MODEL, mcp_config=file))

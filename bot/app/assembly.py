"""Runs and intake, as the settings want them."""

from __future__ import annotations

from decimal import Decimal

import structlog

from bot.app.lifecycle import now_us
from bot.app.models import make_prices
from bot.attachments import DocumentReader, FileLimits
from bot.intake import Access, IntakeOptions, Limit, Quotas
from bot.pacing import Pacing
from bot.runs import Caps, RequestOptions, RunOptions, Runs
from bot.settings import Settings
from bot.store import Store
from bot.telemetry import UNWATCHED, Watch
from providers.base import Provider, Usage

log = structlog.get_logger(__name__)


def make_runs(
    settings: Settings,
    provider: Provider,
    store: Store,
    pacing: Pacing,
    watch: Watch = UNWATCHED,
) -> Runs:
    """The runs, as the settings want them."""
    price = make_prices(settings).cost
    request = RequestOptions(
        settings.system_prompt,
        settings.history_messages,
        settings.max_answer_tokens,
        DocumentReader(_file_limits(settings)),
        Caps(settings.run_tokens, _microusd(settings.run_usd), price),
    )
    options = RunOptions(
        request,
        settings.run_seconds,
        settings.delivery_seconds,
        settings.log_text,
        price,
        settings.reasoning,
        log_tokens=settings.log_tokens,
    )
    return Runs(provider, store, pacing, options, now_us, watch)


def _file_limits(settings: Settings) -> FileLimits:
    most = FileLimits()
    return FileLimits(
        files=settings.files_per_question,
        image_bytes=settings.max_file_bytes,
        pdf_bytes=settings.max_file_bytes,
        text_bytes=min(most.text_bytes, settings.max_file_bytes),
    )


def intake_options(settings: Settings) -> IntakeOptions:
    """What the settings say about questions."""
    access = Access(
        allow_people=settings.named("allow_people"),
        block_people=settings.named("block_people"),
        allow_channels=settings.allow_channels,
        block_channels=settings.block_channels,
        allow_workspaces=settings.allow_workspaces,
        block_workspaces=settings.block_workspaces,
        allow_external=settings.allow_external_people,
    )
    return IntakeOptions(
        policy=settings.conversation_policy,
        access=access,
        max_question_chars=settings.max_question_chars,
        follow_ups=settings.follow_ups,
        edit_seconds=settings.edit_seconds,
        admins=settings.named("admins"),
        limits=_limits(settings),
    )


def load_prices(settings: Settings) -> None:
    """Imports the list of prices now, not at the first answer's end, where it is needed at all.

    Tells the operator where a limit of money can't hold, since a price is not known.
    """
    prices = make_prices(settings)
    for model in settings.model.split(","):
        unknown = prices.cost(model.strip(), "", Usage(1, 1)) is None
        if unknown and settings.limits_money:
            log.warning("limits.no_price", model=model, cure="set PRICES or PRICE_INPUT_PER_MTOK")


def _limits(settings: Settings) -> Quotas:
    return Quotas(
        person=Limit(
            settings.person_runs_at_once,
            settings.person_runs_per_day,
            settings.person_tokens_per_day,
            _microusd(settings.person_usd_per_month),
        ),
        workspace=Limit(
            settings.workspace_runs_at_once,
            settings.workspace_runs_per_day,
            settings.workspace_tokens_per_day,
            _microusd(settings.workspace_usd_per_month),
        ),
    )


def _microusd(usd: Decimal | None) -> int | None:
    return None if usd is None else int(usd * 1_000_000)

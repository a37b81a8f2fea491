"""Runs and intake, as the settings want them."""

from __future__ import annotations

from bot.app.opening import now_us
from bot.attachments import FileLimits, Reader
from bot.intake import Access, IntakeOptions
from bot.pacing import Pacing
from bot.runs import RequestOptions, RunOptions, Runs
from bot.settings import Settings
from bot.store import Store
from providers.base import Provider


def make_runs(settings: Settings, provider: Provider, store: Store, pacing: Pacing) -> Runs:
    """The runs, as the settings want them."""
    request = RequestOptions(
        settings.system_prompt,
        settings.history_messages,
        settings.max_answer_tokens,
        Reader(_file_limits(settings)),
    )
    options = RunOptions(
        request,
        settings.run_seconds,
        settings.delivery_seconds,
        settings.log_text,
        settings.reasoning,
    )
    return Runs(provider, store, pacing, options, now_us)


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
        allow_people=settings.allow_people,
        block_people=settings.block_people,
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
        admins=settings.admins,
    )

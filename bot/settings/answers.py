"""How an answer is asked for, and how long it may take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class AnswerSettings(BaseSettings):
    """What the model is given, and the time-outs."""

    system_prompt: str = Field(
        "You are a helpful assistant. Give short, clear answers.",
        description="what the model is told first",
    )
    max_answer_tokens: int | None = Field(
        None, ge=1, description="most tokens of one answer; unset: the service decides"
    )
    context_tokens: int | None = Field(
        None, ge=256, description="tokens that question, history and answer may have together"
    )
    reasoning: Literal["hidden", "summary", "shown"] = Field(
        "hidden",
        description="what readers see of a model's reasoning: nothing, how long it took "
        "(`summary`), or all of it in a quote before the answer (`shown`)",
    )
    history_messages: int = Field(
        40, ge=0, le=1000, description="most earlier messages that the model is given"
    )
    stall_seconds: float = Field(
        60, gt=0, description="an answer that has begun fails when nothing came for so long"
    )
    run_seconds: float = Field(600, gt=0, description="an answer fails when it takes longer")
    delivery_seconds: float = Field(
        600, gt=0, description="how long the last edit of an answer is tried"
    )
    shutdown_grace: float = Field(
        25, ge=0, description="seconds that running answers get when the bot is stopped"
    )
    files_per_question: int = Field(
        5, ge=0, le=50, description="most attached files that the model is given with a question"
    )
    max_file_bytes: int = Field(
        10_000_000, ge=1, description="a larger attached file is left out, and the asker told"
    )
    upload_bytes_per_person: int = Field(
        100_000_000, ge=0, description="most bytes of files on the page that are kept of a visitor"
    )
    upload_bytes_total: int = Field(
        1_000_000_000, ge=0, description="most bytes of files on the page that are kept altogether"
    )

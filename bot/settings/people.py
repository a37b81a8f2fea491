"""Who is answered, and how conversations go."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from bot.settings.values import Ids, split_ids


class PeopleSettings(BaseSettings):
    """Conversations, and the lists of who may ask."""

    conversation_policy: Literal["queue", "replace", "parallel"] = Field(
        "queue",
        description="a question while another is answered there: `queue`, `replace`, `parallel`",
    )
    follow_ups: bool = Field(
        True, description="answers in a thread where it has answered, also without being named"
    )
    edit_seconds: float = Field(
        120, ge=0, description="a question that is changed so soon is answered anew; 0: never"
    )
    max_question_chars: int = Field(20_000, ge=1, description="a longer question is refused")
    allow_people: Ids = Field(frozenset(), description="ids, comma-separated; empty: everybody")
    block_people: Ids = Field(frozenset(), description="ids that get no answer")
    allow_channels: Ids = Field(
        frozenset(), description="ids, comma-separated; empty: every channel"
    )
    block_channels: Ids = Field(frozenset(), description="ids that get no answer")
    allow_workspaces: Ids = Field(
        frozenset(),
        description="ids, comma-separated; empty: every workspace (the page's: `playground`)",
    )
    block_workspaces: Ids = Field(frozenset(), description="ids that get no answer")
    allow_external_people: bool = Field(
        False, description="answers people of other organisations in shared channels"
    )
    admins: Ids = Field(
        frozenset(),
        description="ids of those who may stop and retry anybody's answer, and have no limits",
    )

    @field_validator(
        "allow_people", "block_people", "allow_channels", "block_channels",
        "allow_workspaces", "block_workspaces", "admins",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_ids(value)

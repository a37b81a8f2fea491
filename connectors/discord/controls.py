"""The ids of buttons: they name control, run and part, so they work after a restart too."""

from __future__ import annotations

from uuid import UUID

from connectors.base import Control

_PREFIX = "everytoken"


def custom_id(control: Control, run_id: UUID, part: int) -> str:
    """What Discord hands back when the button is pressed."""
    return f"{_PREFIX}:{control}:{run_id}:{part}"


def parsed(custom_id: str) -> tuple[Control, UUID, int] | None:
    """The control, the run and the part that a custom id names; None where it is none of ours."""
    match custom_id.split(":"):
        case [prefix, control, run_id, part] if prefix == _PREFIX:
            try:
                return Control(control), UUID(run_id), int(part)
            except ValueError:
                return None
        case _:
            return None

"""What is imported and made at the start is not looked through for garbage."""

from __future__ import annotations

import gc

import pytest

from bot.imports import uncollected


def test_nothing_is_collected_meanwhile_and_what_was_made_never() -> None:
    before = gc.get_freeze_count()
    try:
        with uncollected():
            assert not gc.isenabled()
            made = [[number] for number in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(made)
    finally:
        gc.unfreeze()


def test_a_failure_leaves_the_collector_on() -> None:
    def fail() -> None:
        with uncollected():
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        fail()
    gc.unfreeze()
    assert gc.isenabled()

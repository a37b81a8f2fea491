"""What is remembered of the newest only."""

from __future__ import annotations

from connectors.newest import Newest


def test_the_oldest_entry_makes_room() -> None:
    newest: Newest[str, int] = Newest(2)
    newest["a"], newest["b"], newest["c"] = 1, 2, 3
    assert dict(newest) == {"b": 2, "c": 3}


def test_what_is_written_again_is_the_newest_and_what_is_read_is_not() -> None:
    newest: Newest[str, int] = Newest(2)
    newest["a"], newest["b"] = 1, 2
    newest["a"] = 3
    assert newest["b"] == 2
    newest["c"] = 4
    assert dict(newest) == {"a": 3, "c": 4}


def test_a_default_is_written_too() -> None:
    newest: Newest[str, list[str]] = Newest(1)
    newest["a"] = []
    assert newest.setdefault("b", ["x"]) is newest["b"]
    assert list(newest) == ["b"]


def test_what_was_taken_out_leaves_room() -> None:
    newest: Newest[str, int] = Newest(2)
    newest["a"], newest["b"] = 1, 2
    assert newest.pop("a") == 1
    newest["c"] = 3
    assert dict(newest) == {"b": 2, "c": 3}

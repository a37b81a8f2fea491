"""What is counted of a call tells a linear one from others."""

from __future__ import annotations

from tests.doubles.work import is_linear, work


def once(text: str) -> int:
    """Looks at each character once."""
    return sum(1 for char in text if char != "x")


def for_each(text: str) -> int:
    """Looks at all characters for each of them."""
    count = 0
    for _ in text:
        for _ in text:
            count += 1
    return count


def with_the_rest(text: str) -> list[int]:
    """Looks for a character in the rest of the text, one after the other."""
    return [text.count(char, at) for at, char in enumerate(text) for _ in text]


def test_a_call_that_looks_at_each_character_once_is_linear() -> None:
    assert is_linear(once, "ab")


def test_a_call_that_looks_at_all_for_each_is_not() -> None:
    assert not is_linear(for_each, "ab")
    assert not is_linear(with_the_rest, "ab")


def test_the_same_call_makes_the_same_work() -> None:
    assert work(lambda: for_each("abc")) == work(lambda: for_each("abc")) > 9

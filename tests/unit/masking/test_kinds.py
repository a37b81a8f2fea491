"""What is taken for something that must not leave, and what is not."""

from __future__ import annotations

import time

import pytest

from providers.masking import Finders
from providers.masking.kinds import TooSlow
from providers.registry import MASKED_KINDS

ALL = Finders(MASKED_KINDS)


def found(text: str, finders: Finders = ALL) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in finders(text)]


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("Mail <o'neil+x@mail.example.co.uk>.", "EMAIL", "o'neil+x@mail.example.co.uk"),
        ('"张伟@例え.jp"', "EMAIL", "张伟@例え.jp"),
        ("mailto:ann%40example.com", "EMAIL", "ann%40example.com"),
        ("Call +49 (0)30 1234567 now", "PHONE", "+49 (0)30 1234567"),
        ("0044 7700 900123", "PHONE", "0044 7700 900123"),
        ("(202) 555-0123", "PHONE", "(202) 555-0123"),
        ("Tel. 030 / 1234567", "PHONE", "030 / 1234567"),
        ("4111 1111-1111 1111.", "CARD", "4111 1111-1111 1111"),
        ("378282246310005", "CARD", "378282246310005"),
        ("to DE89 3704 0044 0532 0130 00 and", "IBAN", "DE89 3704 0044 0532 0130 00"),
        ("GB82WEST12345698765432", "IBAN", "GB82WEST12345698765432"),
        ("SSN 536-90-4399", "ID", "536-90-4399"),
        ("身份证11010519491231002X。", "ID", "11010519491231002X"),
        ("rssmra85t10a562s", "ID", "rssmra85t10a562s"),
        ("131052-308T", "ID", "131052-308T"),
        ("at 2001:db8::1 there", "IP", "2001:db8::1"),
        ("在192.168.1.20上", "IP", "192.168.1.20"),
        ("电话030 1234567。", "PHONE", "030 1234567"),
        ("卡号4111111111111111号", "CARD", "4111111111111111"),
    ],
)
def test_a_value_is_found_whole_wherever_it_stands(text: str, label: str, value: str) -> None:
    assert (label, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "On 01-12-2026 and 2026-11-30 12:33:07.",
        "0.123456789 or 3.14159265358979",
        "550e8400-e29b-41d4-a716-446655440000",
        "@someone and me@localhost",
        "version 1.2.3, 12:30:45, std::vector",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert found(text) == []


def test_a_number_with_a_wrong_check_digit_is_none() -> None:
    strict = Finders(["card", "iban"])
    assert found("4111 1111 1111 1112, DE88 3704 0044 0532 0130 00", strict) == []


def test_numbers_without_a_plus_are_known_by_their_country() -> None:
    text = "ring 13800138000"
    assert found(text) == []
    assert found(text, Finders(["phone"], regions=["CN"])) == [("PHONE", "13800138000")]


def test_any_number_of_the_library_can_be_named() -> None:
    assert found("86095742719", Finders(["de.idnr"])) == [("ID", "86095742719")]
    assert found("86095742718", Finders(["de.idnr"])) == []


def test_kinds_that_overlap_are_one_value() -> None:
    """So that no part of either is left over."""
    both = Finders(["email"], {"AROUND": r"user:\S+;", "INNER": "ann"})
    assert found("is user:ann@example.com; it", both) == [("AROUND", "user:ann@example.com;")]


def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    slow = Finders([], {"SLOW": r"(?:a+)+b"})
    began = time.perf_counter()
    with pytest.raises(TooSlow, match="SLOW"):
        slow("a" * 5_000)
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize(
    "text", ["a@" * 5_000, "1 " * 5_000, "+1 " * 5_000, "a" * 10_000, "1:" * 5_000]
)
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    """Four times the text, about four times the time: twelve would be far from the square."""

    def took(what: str) -> float:
        began = time.process_time()
        ALL(what)
        return time.process_time() - began

    took(text)
    assert took(text * 4) < 12 * took(text) + 0.2

"""The comparison of the three texts, and its verdict."""

from __future__ import annotations

import hashlib

from bot.runs.receipts import Evidence, Verdict, Witness, compare, of_log, summary
from bot.store import Recorded
from bot.words import english


def test_three_equal_texts_are_verified() -> None:
    receipt = compare("Paris.", Evidence("Paris."), Evidence("Paris."))
    assert receipt.verdict is Verdict.VERIFIED
    expected = Witness(6, hashlib.sha256(b"Paris.").hexdigest())
    assert receipt.generated == receipt.recorded == receipt.shown == expected


def test_a_changed_character_on_the_screen_breaks_the_link_and_is_named() -> None:
    receipt = compare("Paris.", Evidence("Paris."), Evidence("Parys."))
    assert receipt.verdict is Verdict.BROKEN
    assert [(fault.link, fault.position) for fault in receipt.faults] == [("shown", 3)]


def test_a_text_that_ends_early_differs_where_it_ends() -> None:
    receipt = compare("Paris.", Evidence("Par"), Evidence("Paris."))
    assert [(fault.link, fault.position) for fault in receipt.faults] == [("recorded", 3)]


def test_a_loss_on_the_way_that_was_made_good_is_mended() -> None:
    receipt = compare("Paris.", Evidence("Paris."), Evidence("Paris."), delivery_lost_at=2)
    assert receipt.verdict is Verdict.MENDED
    assert [(fault.link, fault.position) for fault in receipt.faults] == [("delivered", 2)]


def test_a_broken_record_outweighs_a_mended_screen() -> None:
    receipt = compare("Paris.", Evidence(""), Evidence("Paris."), delivery_lost_at=2)
    assert receipt.verdict is Verdict.BROKEN


def test_a_screen_that_cannot_be_read_leaves_the_run_unproven() -> None:
    receipt = compare("Paris.", Evidence("Paris."), Evidence(None, "a terminal"))
    assert receipt.verdict is Verdict.UNPROVEN
    assert receipt.shown is None
    assert receipt.unproven == "a terminal"


def test_a_log_that_cannot_be_written_is_a_broken_link() -> None:
    receipt = compare("Paris.", Evidence(None, "away", broken=True), Evidence("Paris."))
    assert receipt.verdict is Verdict.BROKEN
    assert str(receipt.faults[0]) == "recorded: away"


def test_a_lost_token_that_is_not_text_is_found_by_its_number() -> None:
    log = of_log(Recorded("Paris.", count=3, first_missing=1), tokens=4)
    receipt = compare("Paris.", log, Evidence("Paris."))
    assert receipt.verdict is Verdict.BROKEN
    assert str(receipt.faults[0]) == "recorded: token 1 is missing"


def test_a_lost_last_token_that_is_not_text_is_found_by_the_count() -> None:
    log = of_log(Recorded("Paris.", count=3, first_missing=None), tokens=4)
    assert compare("Paris.", log, Evidence("Paris.")).verdict is Verdict.BROKEN


def test_the_summary_says_it_in_few_words() -> None:
    whole = compare("a", Evidence("a"), Evidence("a"))
    assert english(summary(whole, 214)) == "214 tokens: generated = recorded = shown · verified"
    assert english(summary(whole, 1)).startswith("1 token:")
    broken = compare("ab", Evidence("a"), Evidence("ab"))
    assert english(summary(broken, 2)).startswith("2 tokens · broken: something is missing")

"""Which files are fetched, and what the reader is told of the others."""

from __future__ import annotations

from bot.attachments import FileLimits, choose
from connectors.base import File
from tests.doubles.said import lines

LIMITS = FileLimits()


def _file(name: str, size: int = 10) -> File:
    return File(name, name, "application/octet-stream", size)


def _reasons(*files: File, sees: bool = True) -> tuple[str, ...]:
    return lines(choose(files, LIMITS, sees).left_out)


def test_files_that_can_be_read_are_taken_in_their_order() -> None:
    files = [_file("b.txt"), _file("a.pdf"), _file("c.png")]
    chosen = choose(files, LIMITS, sees=True)
    assert chosen.taken == tuple(files)
    assert lines(chosen.left_out) == ()


def test_nothing_of_nothing() -> None:
    chosen = choose([], LIMITS, sees=True)
    assert (chosen.taken, lines(chosen.left_out)) == ((), ())


def test_a_file_of_an_unknown_kind_is_left_out() -> None:
    assert _reasons(_file("report.zip")) == ("report.zip: I can't read this kind of file",)


def test_images_are_left_out_where_the_model_cannot_see() -> None:
    text = _file("a.txt")
    chosen = choose([_file("photo.png"), text], LIMITS, sees=False)
    assert chosen.taken == (text,)
    assert lines(chosen.left_out) == ("photo.png: the model that answers can't see images",)


def test_a_file_may_be_as_large_as_its_limit_and_no_larger() -> None:
    assert _reasons(_file("a.log", 1_000_000), _file("b.pdf", 10_000_000)) == ()
    assert _reasons(_file("c.png", 10_000_000)) == ()
    assert _reasons(_file("big.log", 12_000_000)) == ("big.log: 12 MB, I take at most 1 MB",)
    assert _reasons(_file("b.pdf", 10_000_001)) == ("b.pdf: 10.1 MB, I take at most 10 MB",)
    assert _reasons(_file("c.png", 10_000_001)) == ("c.png: 10.1 MB, I take at most 10 MB",)


def test_small_limits_are_told_in_small_units() -> None:
    limits = FileLimits(text_bytes=500)
    told = lines(choose([_file("a.txt", 1_001)], limits, sees=True).left_out)
    assert told == ("a.txt: 2 kB, I take at most 500 bytes",)


def test_the_first_five_files_are_taken_and_the_others_named_in_one_line() -> None:
    files = [_file(f"{number}.txt") for number in range(7)]
    chosen = choose(files, LIMITS, sees=True)
    assert chosen.taken == tuple(files[:5])
    assert lines(chosen.left_out) == ("5 files at most: 5.txt, 6.txt were left out",)


def test_a_single_surplus_file_was_left_out() -> None:
    files = [_file("a.txt"), _file("b.txt")]
    told = lines(choose(files, FileLimits(files=1), sees=True).left_out)
    assert told == ("1 file at most: b.txt was left out",)


def test_a_hundred_surplus_files_make_no_long_line() -> None:
    (told,) = _reasons(*(_file(f"{number}.txt") for number in range(105)))
    assert told == "5 files at most: 5.txt, 6.txt, 7.txt, 8.txt, 9.txt, 95 more were left out"


def test_files_that_cannot_be_read_take_nobodys_place() -> None:
    files = [_file("a.zip"), *(_file(f"{number}.txt") for number in range(5))]
    chosen = choose(files, LIMITS, sees=True)
    assert chosen.taken == tuple(files[1:])
    assert lines(chosen.left_out) == ("a.zip: I can't read this kind of file",)


def test_a_hostile_name_stays_one_plain_line() -> None:
    name = "x\n**[free](http://evil.example/a)**`@\u202egpj.exe"
    (told,) = _reasons(File("1", name, "", 1))
    assert "\n" not in told
    assert not set(told) & set("`[]<>*\u202e")
    assert told.endswith(": I can't read this kind of file")

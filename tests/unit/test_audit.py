"""The audit fails for what is known, and never for want of data."""

from __future__ import annotations

from tests.audit import LOCK, Found, audit, first_of

LOCKED = "a==1 \\\n    --hash=sha256:00\nb==2 ; x \\\n    --hash=sha256:01\n"
WELL = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "b", "skip_reason": "not found"}


def answering(*answers: Found | None) -> tuple[list[str], tuple[int, str]]:
    asked: list[str] = []
    left = list(answers)

    def ask(packages: str, _seconds: float) -> Found | None:
        asked.append(packages)
        return left.pop(0)

    return asked, audit(LOCKED, ask)


def test_a_known_vulnerability_fails() -> None:
    _, told = answering([WELL], [WELL, BAD])
    assert told == (1, "Known vulnerabilities:\nb 2: CVE-1, CVE-2")


def test_where_nothing_is_known_it_passes_and_says_what_was_not_looked_up() -> None:
    _, told = answering([WELL], [WELL, SKIPPED])
    assert told == (0, "1 packages have no known vulnerability. 1 could not be looked up.")


def test_where_the_first_package_can_not_be_looked_up_no_other_is_asked_for() -> None:
    for nothing in (None, [SKIPPED]):
        asked, told = answering(nothing)
        assert asked == [first_of(LOCKED)] == ["a==1 \\\n    --hash=sha256:00\n"]
        code, said = told
        assert (code, "Not audited" in said) == (0, True)


def test_the_lock_file_is_read_as_it_is() -> None:
    first = first_of(LOCK.read_text())
    assert "==" in first
    assert first.count("==") == 1

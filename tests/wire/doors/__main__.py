"""Prints the table of doors for docs/security.md."""

from tests.wire.doors.walks import table

if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - that is what it is for

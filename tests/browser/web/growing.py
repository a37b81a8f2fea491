"""An answer that is as long as 3,000 tokens are, in one message, and grows by 60 edits."""

from __future__ import annotations

from collections.abc import Iterator

EDITS = 60
_LONG = "\n\n".join(
    f"## Part {n}\n\nA paragraph of **words**, `code` and $x_{n}^2$, which goes on for a while.\n\n"
    f"- one\n- two\n\n```python\ndef f{n}(x: int) -> int:\n    return x + {n}\n```\n\n"
    f"| a | b |\n|--|--|\n| {n} | words |"
    for n in range(60)
)[:10_500]


def grown(edits: int = EDITS) -> Iterator[tuple[str, str]]:
    """The answer as of each edit, and the word that it ends in: seen, the edit is drawn."""
    for n in range(1, edits + 1):
        begun = _LONG[: len(_LONG) * n // edits]
        # Behind a line: within one it might name the language of some code.
        yield f"{begun[: begun.rindex(chr(10)) + 1]}end{n}.", f"end{n}."

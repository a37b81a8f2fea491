"""Texts that have everything in them."""

from __future__ import annotations


def everything(length: int) -> str:
    """Markdown of all kinds, as much as asked for."""
    block = (
        "## Heading 标题 😀\n\nSome **bold**, *italic* and `code` — 世界你好。これは長い文です。 "
        "👩‍👩‍👧‍👦🏳️‍🌈 done.\n\n"
        "- one\n- two\n  - nested `x < y` & <b>raw</b>\n\n1. first\n2. second\n\n"
        "| a | b |\n|---|---|\n| 1 | ✅ yes |\n| 2 | @channel <!here> <@U123> |\n\n"
        "```python\nfor i in range(10):\n    print(i, '```'[:1], \"<@U1>\")\n```\n\n"
        "שלום עולם, مرحبا بالعالم — right to left.\n\n"
        "> quoted [link](https://example.com/a?b=c&d=e) text\n\n---\n\n"
    )
    return (block * (length // len(block) + 1))[:length].rstrip()

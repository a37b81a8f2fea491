"""What the documents say of the settings, made from the settings: `python -m tests.docs`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from bot.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EXAMPLE = ROOT / ".env.example"

_HEAD = "| setting | default | meaning |\n|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"(.*\n)*?(?=\n)")


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value in (frozenset(), (), {}):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def table() -> str:
    """The README's table of settings."""
    rows = [
        f"| `{name.upper()}` | {f'`{_default(field)}`' if _default(field) else ''} "
        f"| {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "".join(rows)


def readme() -> str:
    """The README with its table of settings as it should be."""
    return _TABLE.sub(lambda _: table(), README.read_text())


def example() -> str:
    """The file .env.example: every setting, commented out, with its default."""
    head = "# Copy to .env and set what you need. Each line shows the default.\n"
    lines = [
        f"\n# {(field.description or '').replace('`', '')}\n# {name.upper()}={_default(field)}\n"
        for name, field in Settings.model_fields.items()
    ]
    return head + "".join(lines)


if __name__ == "__main__":
    README.write_text(readme())
    EXAMPLE.write_text(example())

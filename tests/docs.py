"""What the documents say of the settings, made from the settings: `python -m tests.docs`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from bot.scopes import SETTINGS
from bot.settings import GROUPS, Settings, own_fields

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
EXAMPLE = ROOT / ".env.example"

_HEAD = "| setting | default | meaning |\n|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"(.*\n)*?(?=\n)")


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value in (frozenset(), (), {}):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


MATTER = (
    "model", "models", "openai_api_key", "system_prompt", "slack_bot_token", "slack_app_token",
    "discord_token", "admins", "database_url", "web_password",
)  # fmt: skip
"""The settings that the README names."""


def table(names: Iterable[str] = MATTER) -> str:
    """The table of some settings; the README's."""
    fields = ((name, Settings.model_fields[name]) for name in names)
    rows = [
        f"| `{name.upper()}` | {f'`{_default(field)}`' if _default(field) else ''} "
        f"| {field.description} |\n"
        for name, field in fields
    ]
    return _HEAD + "".join(rows)


def settings_page() -> str:
    """docs/settings.md: how settings are read, and all of them by group."""
    groups = (f"\n## [{group}]\n\n{table(own_fields(cls))}" for group, cls in GROUPS.items())
    scopes = "".join(f"| `{each.name}` | {each.about} |\n" for each in SETTINGS.values())
    return f"{_PAGE}{''.join(groups)}{_SCOPES}{scopes}"


_PAGE = """# All settings

<!-- Made by `python -m tests.docs`. -->

A setting is an environment variable, a line in `.env`, or a line in `everytoken.toml`
(`CONFIG_FILE` names another file). The environment wins over `.env`, and that over the file. In the
file a setting stands in its group, in small letters:

```toml
[model]
model = "openai:gpt-4o-mini"

[model.models]
fast = "openai:gpt-4o-mini"
deep = "azure:prod"

[people]
admins = ["slack:U024BE7LH"]

[scopes."slack:T1/C2"]
model = "deep"
persona = "Lawyer"
prompt = "You answer questions about contracts. Today is {date}."
```

`everytoken init` asks five questions and writes a first file. `everytoken config check` says what
is wrong with the settings, and starts nothing. `everytoken config show` says where each value comes
from; secrets are masked.

SIGHUP makes a running bot read all of it again. What is new is made and checked beside the old, and
holds for new answers; those that have begun end with what they began with. A setting that can't be
changed while it runs is named in the log and waits for a restart, and where anything is wrong,
nothing changes. What is set [for channels](places.md) by commands needs none of this.
"""
_SCOPES = """
## [scopes]

In a group for each scope, such as `[scopes."slack:T1/C2"]`; see [places.md](places.md).

| setting | meaning |
|---|---|
"""


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
    SETTINGS_PAGE.parent.mkdir(exist_ok=True)
    SETTINGS_PAGE.write_text(settings_page())

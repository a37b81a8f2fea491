"""Who is answered, and how conversations go."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from bot.identity import Named
from bot.settings.values import Ids, split_ids
from connectors.words import Language, language_of

# The people that settings name, and what an id without its platform can mean.


_SHAPES = {
    "slack": re.compile(r"[UW][A-Z0-9]+"),
    "discord": re.compile(r"[0-9]{15,20}"),
    "web": re.compile(r"[A-Za-z0-9_-]{22}"),
}
"""What the platforms' own ids look like. One that is not here has ids of any shape."""
_ANY = re.compile(".+")


def read_name(text: str, connected: Collection[str]) -> Named:
    """Who is named. A bare id is one of the only `connected` platform where it can be somebody's.

    Raises `ValueError` with the line to write instead.
    """
    named = Named.of(text)
    if named.connector is None:
        return Named(named.id, _platform_of(named, connected), named.realm)
    known = _known(connected)
    if named.connector not in known or not named.id:
        raise ValueError(f"names nobody: {text}. Write {_either(known, '…')}")
    if named.connector == "discord" and named.realm is not None:
        raise ValueError(f"ids of Discord's have no part before them: write discord:{named.id}")
    return named


def _platform_of(named: Named, connected: Collection[str]) -> str:
    """The platform of a bare id."""
    known = _known(connected)
    fitting = [name for name, shape in known.items() if shape.fullmatch(named.id)]
    if named.realm is not None:
        fitting = [name for name in fitting if name == "slack"]
    possible = [name for name in fitting if name in connected]
    if not possible and len(connected) == 1:
        possible = list(connected)
    if len(possible) == 1:
        return possible[0]
    instead = _either(possible or fitting or known, str(named))
    raise ValueError(f"does not say which platform {named} is of: write {instead}")


def _known(connected: Collection[str]) -> dict[str, re.Pattern[str]]:
    """The platforms that people can be named on, and what ids look like there."""
    return _SHAPES | {name: _ANY for name in sorted(connected) if name not in _SHAPES}


def _either(platforms: Collection[str], name: str) -> str:
    return " or ".join(f"{platform}:{name}" for platform in platforms)


PeopleSetting = Literal["allow_people", "block_people", "admins"]
_LISTS: tuple[PeopleSetting, ...] = ("allow_people", "block_people", "admins")


class PeopleSettings(BaseSettings):
    """Conversations, and the lists of who may ask."""

    conversation_policy: Literal["queue", "replace", "parallel"] = Field(
        "queue",
        description="a question while another is answered there: `queue`, `replace`, `parallel`",
    )
    follow_ups: bool = Field(
        True, description="answers in a thread where it has answered, also without being named"
    )
    edit_seconds: float = Field(
        120,
        ge=0,
        description="a question that is changed so soon, while it is answered, is answered again; "
        "after its answer the asker is told to ask again; 0: neither",
    )
    language: Language = Field(
        Language.ENGLISH,
        description="what the bot says of itself, where neither reader nor question tells: `en`, "
        "`zh`; of a list as systems have it (`zh_CN:en`) the first of these",
    )
    max_question_chars: int = Field(20_000, ge=1, description="a longer question is refused")
    allow_people: Ids = Field(
        frozenset(),
        description="people, comma-separated, as `slack:U024…`, `slack:T024…/U024…` (of another "
        "workspace), `discord:…` or `web:…`; empty: everybody",
    )
    block_people: Ids = Field(
        frozenset(), description="people who get no answer, named as in `ALLOW_PEOPLE`"
    )
    allow_channels: Ids = Field(
        frozenset(), description="ids, comma-separated; empty: every channel"
    )
    block_channels: Ids = Field(frozenset(), description="ids that get no answer")
    allow_workspaces: Ids = Field(
        frozenset(),
        description="ids, comma-separated; empty: every workspace (the page's: `playground`)",
    )
    block_workspaces: Ids = Field(frozenset(), description="ids that get no answer")
    allow_external_people: bool = Field(
        False, description="answers people of other organisations in shared channels"
    )
    admins: Ids = Field(
        frozenset(),
        description="people who may stop and retry anybody's answer, and have no limits; named as "
        "in `ALLOW_PEOPLE`",
    )

    tell_changes: bool = Field(
        True, description="whether a change in chat of what holds there is said there in one line"
    )
    settings_by: Literal["admins", "workspace", "channel"] = Field(
        "admins",
        description="who may change in chat what holds there: `admins`, those of `ADMINS`; "
        "`workspace`, also the platform's own admins (Slack: admins and owners; Discord: Manage "
        "Server); `channel`, also who manages the channel (Slack: its creator; Discord: Manage "
        "Channels)",
    )
    places: Literal["chat", "file"] = Field(
        "chat",
        description="where what holds for channels is set: in `chat`, by commands, and by "
        "`everytoken.toml`; or in the `file` alone, which nothing else can change",
    )

    @field_validator(
        "allow_people", "block_people", "allow_channels", "block_channels",
        "allow_workspaces", "block_workspaces", "admins",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_ids(value)

    @field_validator("language", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        """Desktops set this variable, too, for gettext, and may want a language that isn't here."""
        return (language_of(value) or Language.ENGLISH) if isinstance(value, str) else value

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms where people can be: those that are connected."""
        return frozenset({"web"})

    @property
    def many_workspaces(self) -> bool:
        """Whether an id of Slack's alone can be somebody's in each of several workspaces."""
        return False

    def named(self, setting: PeopleSetting) -> frozenset[Named]:
        """The people of one of the lists."""
        return frozenset(read_name(text, self.platforms) for text in getattr(self, setting))

    def bare_ids(self) -> list[str]:
        """A line for each person who is named by a bare id, which is to be written otherwise."""
        return [
            f"{setting.upper()} names {text} without a platform, which will be refused: "
            f"write {read_name(text, self.platforms)}"
            for setting in _LISTS
            for text in sorted(getattr(self, setting))
            if ":" not in text
        ]

    def unclear_people(self) -> list[str]:
        """A line for each person whose id is ambiguous."""
        return [
            f"{setting.upper()} {fault}"
            for setting in _LISTS
            for text in sorted(getattr(self, setting))
            if (fault := self._fault(setting, text))
        ]

    def _fault(self, setting: PeopleSetting, text: str) -> str:
        try:
            named = read_name(text, self.platforms)
        except ValueError as error:
            return str(error)
        if setting == "block_people" or named.connector != "slack" or named.realm is not None:
            return ""
        if not self.many_workspaces:
            return ""
        return (
            f"names slack:{named.id}, who can be somebody in each workspace: write "
            f"slack:T…/{named.id}, with the id of their workspace"
        )

"""Who walks, what is seen of it, and what is expected: a table that the documents show too."""

from __future__ import annotations

from enum import StrEnum

from bot.identity import Named
from bot.intake import Access, IntakeOptions, Limit, Quotas


class Who(StrEnum):
    """People who may not."""

    BLOCKED = "blocked"
    OVER = "over a limit"
    NAMESAKE = "same id, another workspace"
    ELSEWHERE = "an admin's id elsewhere"


class Seen(StrEnum):
    """What there is to see of what somebody did."""

    NOTHING = "nothing"
    ALONE = "told alone"
    ALL = "for all to see"


# What costs no answer is free for who is over a limit: they may forget, stop their own, rate.
_Seen = dict[Who, Seen]
_SPENDS: _Seen = {
    Who.BLOCKED: Seen.NOTHING, Who.OVER: Seen.ALONE, Who.NAMESAKE: Seen.ALONE,
    Who.ELSEWHERE: Seen.ALONE,
}  # fmt: skip
_SILENT: _Seen = dict.fromkeys(Who, Seen.NOTHING)
_OTHERS = _SPENDS
"""Of another person's answer: they are told that it is not theirs."""
_FREE: _Seen = _SILENT | {Who.NAMESAKE: Seen.ALONE}
# Slack offers an app's commands to the people of workspaces that installed it, and to no others.
_COMMAND: _Seen = {who: seen for who, seen in _SPENDS.items() if who is not Who.NAMESAKE}
_TOLD_BEFORE = _SILENT
"""The same line has been said to them of the same answer."""

_GREETED: _Seen = dict.fromkeys(Who, Seen.ALONE) | {Who.BLOCKED: Seen.NOTHING}

DECISIONS = ("press: allow", "press: allow_here", "press: deny", "press: details")
"""What decides about a tool call, of another person's answer."""

SLACK: dict[str, _Seen] = {
    "mention": _SPENDS,
    "follow-up in a thread": _SILENT | {Who.OVER: Seen.ALONE, Who.ELSEWHERE: Seen.ALONE},
    "direct message": _SPENDS,
    "edit": _TOLD_BEFORE,
    "/everytoken ask": _COMMAND,
    "/everytoken new": _COMMAND,
    "/everytoken stop": _COMMAND,
    "/everytoken tools off": _COMMAND,
    "/everytoken tools on": _COMMAND,
    "/everytoken settings": _COMMAND,
    "/everytoken settings model=x": _COMMAND,
    "/everytoken pause": _COMMAND,
    "/everytoken resume": _COMMAND,
    "/everytoken help": dict.fromkeys(_COMMAND, Seen.ALONE),
    "message shortcut": _SPENDS,
    "modal": _SPENDS,
    "press: stop": _OTHERS,
    "press: retry": _OTHERS,
    "press: continue": _TOLD_BEFORE,
    "press: up": _FREE,
    "press: down": _TOLD_BEFORE,
    **dict.fromkeys(DECISIONS, _TOLD_BEFORE) | {"press: allow": _OTHERS},
    "assistant opened": _GREETED,
    "app home opened": _GREETED,
    "Slack's own stop": _FREE,
}


def options(connector: str, asker: str, walker: str, who: Who) -> IntakeOptions:
    """Who may what: the asker is an admin, and may ask; the walker is one of those who may not."""
    admins = {Named(asker, connector)}
    elsewhere = {
        Named(walker, other) for other in ("slack", "discord", "web") if other != connector
    }
    blocked = {Named(walker, connector)} if who is Who.BLOCKED else set()
    limited = who in (Who.OVER, Who.ELSEWHERE)
    return IntakeOptions(
        access=Access(block_people=frozenset(blocked)),
        admins=frozenset(admins | (elsewhere if who is Who.ELSEWHERE else set())),
        limits=Quotas(Limit(runs_per_day=0) if limited else Limit()),
    )


_WHERE = tuple(who for who in Who if who is not Who.NAMESAKE)
_DECLINED: _Seen = dict.fromkeys(_WHERE, Seen.ALONE)
_OWN: _Seen = {Who.BLOCKED: Seen.ALONE, Who.OVER: Seen.ALL, Who.ELSEWHERE: Seen.ALL}
"""It costs no answer: who is over a limit may do it, and the conversation shows it."""
_QUIET: _Seen = {Who.BLOCKED: Seen.ALONE, Who.OVER: Seen.NOTHING, Who.ELSEWHERE: Seen.NOTHING}

PAGE: dict[str, _Seen] = {
    "open": dict.fromkeys(_WHERE, Seen.NOTHING),
    "ask": _DECLINED,
    "upload": _DECLINED,
    "look at the settings": _DECLINED,
    "change the settings": _DECLINED,
    "clear": dict.fromkeys(_WHERE, Seen.NOTHING),
    "press: stop": _DECLINED,
    "press: retry": _DECLINED,
    "press: continue": _DECLINED,
    "press: up": _QUIET,
    "press: down": _QUIET,
    **dict.fromkeys(DECISIONS, _DECLINED),
    "/stop": _OWN,
    "/new": _OWN,
    "/tools off": _OWN,
    "/tools on": _OWN,
    "delete an answer": _DECLINED,
}

_ALONE: _Seen = dict.fromkeys(_WHERE, Seen.ALONE)
_PLAIN: _Seen = {who: _SPENDS[who] for who in _WHERE}
_ONCE: _Seen = dict.fromkeys(_WHERE, Seen.NOTHING)

DISCORD: dict[str, _Seen] = {
    "mention": _PLAIN,
    "follow-up in a thread": _PLAIN,
    "direct message": _PLAIN,
    "edit": _ONCE,
    "/ask": _ALONE,
    "/new": _ALONE,
    "/stop": _ALONE,
    "/retry": _ALONE,
    "/tools": _ALONE,
    "/settings": _ALONE,
    "/pause": _ALONE,
    "/resume": _ALONE,
    "/help": _ALONE,
    "Ask about this message": _ALONE,
    "form": _ALONE,
    "press: stop": _PLAIN,
    "press: retry": _PLAIN,
    "press: continue": _ONCE,
    "press: up": _ONCE,
    "press: down": _ONCE,
    **dict.fromkeys(DECISIONS, _ONCE) | {"press: allow": _PLAIN},
}


def table() -> str:
    """What the walks find, as the page on security shows it."""
    heads = ["door", *Who]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for platform, doors in (("Slack", SLACK), ("Discord", DISCORD), ("page", PAGE)):
        for name, seen in doors.items():
            cells = [seen[who].value if who in seen else "-" for who in Who]
            lines.append(f"| {platform}: {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

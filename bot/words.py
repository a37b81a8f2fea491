"""Every sentence that readers and operators see, by id.

A sentence travels as an id with named parameters, and becomes text only where it is shown. So the
text of all of them stands in one table, which a translation replaces. `providers` and `connectors`
never import this: a failure of theirs carries the id and the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: its id in the catalogue, and the values of its template's parameters."""

    id: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)


CATALOGUE: dict[str, str] = {
    # How an answer ended: the small line below it.
    "ended.length": "The answer reached its length limit here.",
    "ended.filtered": "The model's content filter ended the answer here.",
    "ended.unknown": "The service ended the answer for a reason that the bot doesn't know.",
    "ended.stopped": "Stopped.",
    "ended.interrupted": "The bot was stopped before the answer was whole.",
    "ended.question_changed": "Started over: the question was changed.",
    "ended.too_late": "The answer took too long and ends here.",
    "ended.capped": "The answer reached the most that one answer may use.",
    "ended.bug": "Something went wrong in the bot, so the answer ends here. "
    "Its operator has been told.",
    "ended.no_text": "The model gave no text.",
    "ended.no_tools": "The model asked for a tool, and can't use any here.",
    "failed.overloaded": "The model's service is overloaded. Try again in a moment.",
    "failed.key": "The bot may not use its model: its operator has to check the key.",
    "failed.stalled": "The model stopped sending, so the answer ends here.",
    "failed.disconnected": "The connection to the model was lost, so the answer ends here.",
    "failed.malformed": "The model's service sent something unreadable, so the answer ends here.",
    "failed.service": "The model's service failed, so the answer ends here.",
    "failed.filtered": "The model's content filter refused the question.",
    "failed.refused": "The model can't answer this: {reason}",
    # What an answer was made without.
    "answer.trimmed": "Earlier messages were left out: the conversation is too long for the model.",
    "history.missing": "earlier messages here: the platform lets me read only some of them now. "
    "I know my own questions and answers.",
    "answer.not_read": "Not read: {what}",
    # What could not be shown.
    "shown.in_part": "The rest of the answer can't be shown.",
    "shown.end": "End of the answer.",
    "shown.nothing_there": "The answer to your question can't be shown there: it was refused.",
    "shown.cut_there": "The rest of the answer to your question can't be shown there: it was "
    "refused.",
}
"""The template of each sentence; `{name}` stands for a parameter, formatted as by `str.format`."""


def english(sentence: Sentence) -> str:
    """The sentence as text; raises `KeyError` for an unknown id or a missing parameter."""
    return CATALOGUE[sentence.id].format(**sentence.params)


def parameters(id_: str) -> frozenset[str]:
    """The names of the parameters that a sentence's template has."""
    return frozenset(name for _, name, _, _ in Formatter().parse(CATALOGUE[id_]) if name)

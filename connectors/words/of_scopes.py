"""The sentences about what is set for channels and other scopes."""

from __future__ import annotations

OF_SCOPES: dict[str, str] = {
    # Why something can't be set.
    "scope.no_setting": "there is no setting {name}; there are: {known}",
    "scope.no_value": "{name} can't be {value}; there are: {known}",
    "scope.nothing_to_choose": "{name} can't be {value}: none are offered here",
    "scope.meant": "{problem}. Did you mean {meant}?",
    "scope.no_number": "{name} has to be a number from {least} to {most}, not {value}",
    "scope.empty": "{name} needs a value; to take it out, unset it",
    "scope.too_long": "{name} has {chars:,} characters, at most {most:,} can be kept",
    "scope.no_prompt": "no persona is called {value}: give it a prompt as well; there are: {known}",
    "scope.no_scope": "{value} names no place; write for example slack:T1/C2 (a channel), "
    "slack:T1/C2/1700.1 (a thread), slack:T1 (a workspace) or default",
    "scope.from_file": "what holds is kept in a file here (PLACES=file): it can't be changed "
    "in another way",
    "scope.meanwhile": "{name} was changed meanwhile, by {who}, to {value}; nothing was changed "
    "now: look again",
    "scope.nothing": "nothing",
    "scope.no_amount": "{name} has to be an amount of US dollars, like 2.50, not {value}",
    # What can be set, as forms and the page name it.
    "setting.model": "Model",
    "setting.persona": "Persona",
    "setting.prompt": "Prompt",
    "setting.tools": "Tools",
    "setting.reasoning": "Reasoning",
    "setting.language": "Language",
    "setting.follow_ups": "Answers in its threads without being named",
    "setting.conversation_policy": "A question while another is answered",
    "setting.max_question_chars": "Most characters of a question",
    "setting.max_answer_tokens": "Most tokens of an answer",
    "setting.history_messages": "Earlier messages that the model is given",
    "setting.run_seconds": "Most seconds of an answer",
    "setting.runs_per_day": "Most answers a day in a channel",
    "setting.usd_per_day": "Most US dollars a day in a channel",
    "setting.mask": "What a model's service does not see, besides what is set for all",
    "setting.allow_people": "Who is answered, by their ids",
    "settings.title": "Settings",
    "settings.save": "Save",
    "settings.form": "This holds for {scope} from the next answer on. What is left empty is as "
    "elsewhere.",
    "settings.without": "As elsewhere: {value} ({scope})",
    "settings.usual": "As elsewhere",
    "settings.too_long": "{name} is too long to be changed here. Use: "
    "everytoken places set {scope} prompt=@file.txt",
    # Settings in chat.
    "settings.none": "Nothing is set for this place: all is as usual.",
    "settings.holds": "What holds here:\n{lines}",
    "settings.changed": "Changed for {scope}, from the next answer on: {changes}",
    "settings.unchanged": "That is what was set already.",
    "settings.refused": "Nothing was changed: {why}",
    "settings.no_such_place": "There is no such place here.",
    "settings.paused": "Paused: I begin no more answers there.",
    "settings.resumed": "I answer there again.",
    "settings.line": "{who} changed what I answer with here. {changes}",
    "settings.line_paused": "{who} paused me.",
    "settings.line_resumed": "{who} resumed me.",
    # What those are told who ask while the bot is paused.
    "paused.thread": "I am paused in this thread. Please ask again later.",
    "paused.channel": "I am paused in this channel. Please ask again later.",
    "paused.category": "I am paused in this category. Please ask again later.",
    "paused.workspace": "I am paused in this workspace. Please ask again later.",
    "paused.default": "I am paused. Please ask again later.",
    "over.deployment.money": "The {most:,.2f} US dollars of today are used up. {again}",
    "over.channel.money": "This channel has used up the {most:,.2f} US dollars of today. {again}",
    "over.channel.runs": "This channel has had the {answers} of today. {again}",
    "scope.somebody": "somebody",
}

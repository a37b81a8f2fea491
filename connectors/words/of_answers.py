"""The sentences about questions and answers, the database, the settings and the doctor."""

from __future__ import annotations

OF_ANSWERS: dict[str, str] = {
    # The database.
    "store.full": "the disk that the database is on is full",
    "cure.store.full": "make room on that disk (without DATABASE_URL, where DATA_DIR is), or set "
    "TOKEN_RETENTION_DAYS lower",
    "cure.store.old": "run `{everytoken} db upgrade`",
    "cure.store.newer": "update everytoken, or name another database in DATABASE_URL (or DATA_DIR)",
    "cure.store.rights": "give the user of DATABASE_URL the right to create tables in its schema",
    "cure.redis": "check that the Redis of REDIS_URL runs, that its address and password are "
    "right, and that its maxmemory-policy is noeviction",
    "cure.store.unreached": "check that the database of DATABASE_URL runs and that its address, "
    "name and password are right; without DATABASE_URL, that DATA_DIR can be written",
    # What the doctor finds, and how to fix it.
    "doctor.all_right": "All {count} checks are right. Next: {everytoken} run",
    "doctor.failed": "{failed} of {count} checks failed. Begin with: {name}",
    "doctor.next": "{failed} of {count} checks failed. Next, for {name}: {cure}",
    "doctor.keys_in_database": "what Discord's commands need after a restart is encrypted with a "
    "key from the same database: set ENCRYPTION_KEYS or SECRET_KEY to keep the key elsewhere",
    "doctor.lost": "tokens get lost at {where}",
    "doctor.lost_of": "{proven}: lost at {where}",
    "doctor.proven": "{tokens} tokens, {verdict}",
    "doctor.reachable": "reachable",
    "doctor.said": '{happened} (it said: "{said}")',
    "doctor.verified": "verified",
    "doctor.voice": "{voice} listens to recordings of up to {most} seconds",
    "cure.settings": "set it in the environment or in .env",
    "cure.settings.misspelt": "write {meant} instead of {name}",
    "cure.platform_unreached": "check this machine's network and firewall, and {address} if it is "
    "set; if both are right, the platform has a fault: try again later",
    "cure.voice": "VOICE names what listens: docs/voice.md",
    "cure.slack": "as said above; step by step: docs/connect-slack.md",
    "cure.discord": "as said above; step by step: docs/connect-discord.md",
    "cure.lost.provider": "try another MODEL or STREAM_READER; please report it",
    "cure.lost.log": "check the database of DATABASE_URL, or that DATA_DIR has room",
    "cure.lost": "the log of `{everytoken} run` tells more; please report it",
    "cure.ended": "ask the same with `{everytoken} ask`, or choose another MODEL",
    # The settings.
    "settings.misspelt": "{name} in .env is not a setting. Did you mean {meant}?",
    "settings.misspelt.environment": "{name} in the environment is not a setting. "
    "Did you mean {meant}, which is not set?",
    "settings.unknown": "{name} in .env is not a setting of Everytoken.",
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
    "ended.waits": "May I use {server}: {name}{arguments}? I ask because {why}.",
    "ended.approved": "Allowed: {name}. The answer goes on below.",
    "ended.denied": "Not allowed: {name}. The answer goes on below without it.",
    "ended.lapsed": "Nobody allowed {name} in time, so it was not used.",
    "ended.withdrawn": "Stopped: {name} was not used.",
    "ended.not_kept": "What this answer waited for is not kept any more: ask again.",
    "ended.no_text": "The model gave no text.",
    "ended.no_tools": "The model asked for a tool, and can't use any here.",
    # A failure of the model, for the reader.
    "failed.overloaded": "The model's service is overloaded. Try again in a moment.",
    "failed.key": "The bot may not use its model: its operator has to check the key.",
    "failed.account": "The account that pays for the bot's model is used up: "
    "its operator has to see to it.",
    "failed.place": "The model's service doesn't answer where the bot runs: "
    "its operator has to see to it.",
    "failed.settings": "The bot's model is not set up rightly: its operator has to check it.",
    "ended.tool_rounds": "The model wanted to use tools more often than it may, so the answer ends "
    "here.",
    "failed.tools": "The bot's model can't use tools: its operator has to choose another, "
    "or turn the tools off.",
    "failed.unreached": "The bot can't reach its model's service: its operator has to see to it.",
    "failed.stalled": "The model stopped sending, so the answer ends here.",
    "failed.disconnected": "The connection to the model was lost, so the answer ends here.",
    "failed.malformed": "The model's service sent something unreadable, so the answer ends here.",
    "failed.filtered": "The model's content filter refused the question.",
    "failed.too_long": "The conversation is too long for the model. Start a new one.",
    "failed.too_large": "This is more text at once than the bot's account may send to its model. "
    "Ask in a new conversation, or more briefly.",
    "failed.refused": "The model's service refused this request. The bot's operator can see why.",
    "failed.masked": "I didn't put this to the model: it has something that must not leave, and I "
    "can't be sure that it would not. Ask without it, or tell the bot's operator.",
    "failed.not_answerable": "The model can't answer this: {reason}",
    # Why a question can't be put to the model; these follow on "The model can't answer this:".
    "refused.no_text": "the question has no text",
    "refused.blocked_words": "it has words that must not leave. Ask without them",
    "refused.too_long": "the question is too long for this model (about {needed} tokens; "
    "it takes {most}). Ask in fewer words.",
    "refused.too_costly": "the question is longer than one answer may cost. Ask in fewer words.",
    # What the bot says about itself, to the one person it concerns.
    "notice.answered_as_it_was": "I answered your question as it was before you changed it. "
    "Ask it again.",
    "notice.not_an_admin": "Only an admin of the bot can do that.",
    "notice.tools_off": "Tools are off now, everywhere. What was allowed and not sent stays so.",
    "notice.tools_on": "Tools are on now.",
    "notice.decided": "That was decided already, or its time is over.",
    "notice.details": "{server} would be given for {name}:\n\n```json\n{arguments}\n```",
    "notice.empty": "Your message has no text. Ask me something.",
    "notice.retried": "Your last question here is asked again, of {model}.",
    "notice.forgotten": "Forgotten. I start afresh from here.",
    "notice.not_allowed": "I may not answer here. The bot's operator can allow it.",
    "notice.not_answered": "I was away for too long and did not answer this. Ask it again.",
    "notice.not_kept": "I no longer have that question. Ask it again.",
    "notice.not_theirs": "Only the person who asked, or an admin of the bot, can do that.",
    "notice.replaced": "Not answered: a newer question took its place.",
    "notice.blocked_words": "I can't take this: it has words that must not leave. Ask without "
    "them.",
    "notice.too_long": "Your message has {chars:,} characters; I take at most {most:,}.",
    # Which limit somebody is over, and when they can ask again.
    "over.person.money": "You have used up the {most:,.2f} US dollars of this month. {again}",
    "over.person.tokens": "You have used up the {most:,} tokens of today. {again}",
    "over.person.runs": "You have had the {answers} of today. {again}",
    "over.person.at_once": "You have {answers} under way, which is the most at once. "
    "This question is not answered: ask it again when one of them is done.",
    "over.workspace.money": "This workspace has used up the {most:,.2f} US dollars of this month. "
    "{again}",
    "over.workspace.tokens": "This workspace has used up the {most:,} tokens of today. {again}",
    "over.workspace.runs": "This workspace has had the {answers} of today. {again}",
    "over.workspace.at_once": "This workspace has {answers} under way, which is the most at once. "
    "This question is not answered: ask it again when one of them is done.",
    "over.again": "This question is not answered: ask it again {soon} ({at} UTC).",
    "count.answer": "{count:,} answer",
    "count.answers": "{count:,} answers",
    "in.day": "in {count:,} day",
    "in.days": "in {count:,} days",
    "in.hour": "in {count:,} hour",
    "in.hours": "in {count:,} hours",
    "in.minute": "in {count:,} minute",
    "in.minutes": "in {count:,} minutes",
    # What an answer was made without.
    "answer.trimmed": "Earlier messages were left out: the conversation is too long for the model.",
    "history.missing": "earlier messages here, the platform lets me read only some",
    # The words of a recording, in front of the answer to them.
    "answer.heard": "Heard: {words}",
    "answer.not_read": "Not read: {what}",
    # Of a file, why it was not given to the model, or which part of it.
    "file.line": "{name}: {what}",
    "file.as_page": "its markup",
    "file.broken": "it is broken, I can't read it",
    "file.empty": "it is empty",
    "file.encrypted": "it is encrypted, I can't read it without its password",
    "file.first_characters": "the first {most:,} of {count:,} characters",
    "file.first_images": (
        "its text, since its pages are images; the model was given {read} of {count}"
    ),
    "file.first_rows": "the first {read:,} of {count:,} rows",
    "file.first_until": "its first {read:,} characters; then: {why}",
    "file.first_up_to_row": (
        "the first {most:,} characters, up to row {row:,} of sheet {sheet} of {count}"
    ),
    "file.first_pages": "the first {read} of {count} pages",
    "file.first_that_fit": "its first {most:,} characters, more has no room",
    "file.first_up_to_page": "the first {most:,} characters, up to page {read} of {count}",
    "file.guessed": "read as {encoding}, which is a guess",
    "file.images": "its text, since its pages are images; the model was given those",
    "file.images_not_seen": "its pages are images, and the model that answers can't see those",
    "file.images_unreadable": "its pages are images of a kind that I can't pass on",
    "file.kind": "I can't read this kind of file",
    "file.no_document": "it is no Word document or Excel workbook, whatever its name says",
    "file.no_image": "it is not a PNG, JPEG, GIF or WebP image",
    "file.no_page": "none of its pages can be read",
    "file.no_pdf": "it is not a PDF, whatever its name says",
    "file.no_recording": "it is no recording that I know, whatever its name says",
    "file.no_room": "there is no room left for it",
    "file.no_text": "there is no text in it, only images perhaps",
    "file.no_text_in_pages": "no text in the first {read} of its {count} pages",
    "file.no_voice": "I can't listen to recordings here",
    "file.no_words": "I heard no words in it",
    "file.not_fetched": "I could not fetch it",
    "file.not_seen": "the model that answers can't see images",
    "file.not_text": "it is not text, whatever its name says",
    "file.page_broken": "{count} page can't be read",
    "file.pages_broken": "{count} pages can't be read",
    "file.too_large": "{size}, I take at most {most}",
    "file.too_large_to_fetch": "it is larger than I can take",
    "file.too_long_to_hear": "it is longer than {most} seconds, the most that I listen to",
    "file.too_many_pixels": (
        "{width:,} x {height:,} pixels, I take at most {most} million of them"
    ),
    "file.too_much": "it takes more memory than I have for it",
    "file.too_slow": "it takes too long to read",
    "file.voice_failed": "the service that listens to recordings failed",
    "files.one_of_one": "{most} file at most: {names} was left out",
    "files.several_of_one": "{most} file at most: {names} were left out",
    "files.one_of_several": "{most} files at most: {names} was left out",
    "files.several_of_several": "{most} files at most: {names} were left out",
    "files.more": "{count} more",
    "list.comma": "{first}, {rest}",
    "list.semicolon": "{first}; {rest}",
    # Lines of ours within an answer, and its small print.
    "answer.seam": "The model broke off here; another one goes on.",
    "answer.thought": "Thought for {seconds} s",
    "answer.thoughts": "Thoughts",
    "receipt.verified": "{count}: generated = recorded = shown · verified",
    "receipt.mended": "{count}: generated = recorded = shown · mended",
    "receipt.unproven": "{count} · unproven: {why}",
    "receipt.broken": "{count} · broken: {why}",
    "unproven.recorded": "what was recorded can't be read",
    "unproven.shown": "what is shown can't be read back",
    "unproven.blocks": "the platform shows {blocks}",
    "fault.at": "{where}, at character {position:,}",
    "fault.recorded": "something is missing from what was recorded",
    "fault.delivered": "something was lost on the way to the message",
    "fault.shown": "what is shown is not what was written",
    "fault.tools": "a tool's result was not passed on as recorded",
    "fault.files": "a file of the answer is missing, or is not what was made",
    "calls.below": "{receipt} · {calls}",
    "calls.whole": "{count}: asked = allowed = sent = answered = given",
    "calls.partly": "{count}: {allowed} allowed, {sent} sent, {answered} answered",
    "count.call": "{count} tool call",
    "count.calls": "{count} tool calls",
    "count.token": "{count} token",
    "count.tokens": "{count} tokens",
    # What could not be shown.
    "shown.in_part": "The rest of the answer can't be shown.",
    "shown.end": "End of the answer.",
    "shown.nothing_there": "The answer to your question can't be shown there: it was refused.",
    "shown.cut_there": "The rest of the answer to your question can't be shown there: it was "
    "refused.",
}

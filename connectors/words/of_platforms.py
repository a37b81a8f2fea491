"""The sentences that connectors say of themselves: buttons, commands, forms, and the page."""

from __future__ import annotations

OF_PLATFORMS: dict[str, str] = {
    # What stands on buttons, and how screen readers say it.
    "control.stop": "Stop",
    "control.retry": "Retry",
    "control.continue": "Continue",
    "control.allow": "Allow",
    "control.allow_here": "Allow in this thread",
    "control.deny": "Deny",
    "control.details": "Details",
    "control.allow.spoken": "Allow the tool to be used once",
    "control.allow_here.spoken": "Allow the tool in this thread for a day",
    "control.deny.spoken": "Don't allow the tool to be used",
    "control.details.spoken": "Show what the tool would be given",
    "control.stop.spoken": "Stop the answer",
    "control.retry.spoken": "Answer again",
    "control.continue.spoken": "Continue the answer",
    "control.up.spoken": "Good answer",
    "control.down.spoken": "Bad answer",
    # What somebody is told who gave a command or pressed something.
    "told.help.slack": "`{command} ask …` asks me something here, for all to see\n"
    "`{command} stop` stops the answers to your questions here\n"
    "`{command} retry deep` asks your last question here again, of the model of this name\n"
    "`{command} new` forgets what we said, in direct messages\n"
    "`{command} settings` shows what I answer with here, and is a form for my admins; they can "
    "also `{command} pause` me and `{command} resume`\n"
    "`{command} tools off` turns all tools off, `tools on` on again: for my admins\n"
    "You can also mention me in a channel, reply in a thread that I answered in, write to me "
    "directly, or choose _Ask about this message_ from a message's menu.",
    "told.help.discord": "`/ask` asks me something here, for all to see\n"
    "`/stop` stops the answers to your questions here\n"
    "`/retry` asks your last question here again, of another model\n"
    "`/new` forgets what we said, in a thread or in direct messages\n"
    "`/settings` shows what I answer with here; my admins change it, `/pause` and `/resume` me\n"
    "`/tools` turns all tools off, or on again: for my admins\n"
    "You can also mention me, reply to an answer of mine, write to me directly, or choose "
    "_Apps > Ask about this message_ from a message's menu.",
    "told.memory.slack": "In a channel every mention of me starts afresh. Only a thread has a "
    "memory.",
    "told.memory.discord": "In a channel every mention of me starts afresh; what I know is what "
    "you reply to. Only a thread has a memory.",
    "told.ask_something": "Ask me something: `{command} ask …`",
    "told.stopped": "I stop the answers to your questions here.",
    "told.not_now": "I could not do that just now. Please try again.",
    "told.not_kept": "I could not take your question just now. Please ask again.",
    "told.not_you": "You can't do that here.",
    "told.not_posted": "I could not post your question here. {why}",
    "told.done": "{asker} the answer is done.",
    # A question that is asked by a command or in a form.
    "ask.about": "Ask about this message",
    "ask.question": "Your question",
    "ask.send": "Ask",
    "ask.cancel": "Cancel",
    "ask.asks": "{name} asks: {question}",
    # Slack's line below a thread, after the bot's name; and what begins a talk there.
    "status.queued": "is busy, and will answer soon…",
    "status.thinking": "is thinking…",
    "greeting": "Hi! Ask me anything.",
    # Discord's commands, as its menus show them.
    "command.ask": "Ask me something; all can see the answer",
    "command.ask.question": "What you want to know",
    "command.ask.file": "A file that it is about",
    "command.new": "Forget what was said here",
    "command.stop": "Stop the answers to your questions here",
    "command.retry": "Ask your last question here again, of another model",
    "command.retry.model": "The model's short name",
    "command.settings": "What I answer with here; admins of the bot can change it",
    "command.settings.name": "What to change",
    "command.settings.value": "The new value; {unset}: as in what is around it",
    "command.settings.where": "For what; the channel if you don't say",
    "command.pause": "Begin no more answers; for admins of the bot",
    "command.resume": "Answer again; for admins of the bot",
    "command.tools": "Turn all tools off, or on again; for admins of the bot",
    "command.tools.turn": "Off: no tool is called any more",
    "command.help": "How to talk to me",
    # What the page says where something can't be done.
    "web.alone": "Only you can see this.",
    "web.away": "The bot's database does not answer. Please try again.",
    "web.busy": "That is too much at once. Please wait a moment.",
    "web.cant_take": "The bot can't take questions right now. Please try again.",
    "web.cant_do": "The bot can't do that right now. Please try again.",
    "web.cant_press": "That can't be done with this message any more.",
    "web.not_author": "Only who wrote a message can delete it.",
    "web.gone": "That message is not there any more.",
    "web.question_gone": "That question is not there any more.",
    "web.there_already": "A message of this name is there already. Please send it again.",
    "web.no_file": "There is no such file.",
    "web.file_gone": "A file is not there any more. Please attach it again.",
    "web.full": "The bot keeps as many files as it has room for. Please try again later.",
    "web.your_files": "You have attached as much as may be kept of you. A file is deleted with the "
    "message that it belongs to, or after an hour where there is none.",
    "web.unknown": "The page said something that this server does not know. Please reload it.",
    "web.no_object": "The page sent something that is not a JSON object. Please reload it.",
    "web.no_proper": "The page sent no proper {field}. Please reload it.",
    "web.files_most": "At most {most} files can go with a message.",
    "web.no_text": "There is no text in your message.",
    "web.too_long": "Your message has {chars:,} characters; the most is {most:,}.",
    "web.nothing_open": "The page has opened no conversation. Please reload it.",
    "web.log_in": "Please log in again.",
    "web.reload": "Please reload the page.",
    "web.too_large": "It is too large: the most is {megabytes:g} MB.",
    # The way in to the page and the inspector.
    "login.password.page": "Password of this playground",
    "login.password.inspector": "Password of the inspector",
    "login.button": "Log in",
    "login.account": "Sign in with your account",
    "login.no_such_way": "There is no such way in.",
    "login.other_browser": "Please sign in again, within ten minutes and in one browser.",
    "login.not_signed_in": "You did not sign in.",
    "login.not_listed": "You may not come in here. Ask whoever runs this.",
    "login.failed": "The sign-in did not work. The bot's log says why.",
    "login.form_too_large": "That form is too large.",
    "login.wrong_password": "That is not the password.",
    "login.too_many": "There were too many attempts. Please try again in {seconds} seconds.",
}

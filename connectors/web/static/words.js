// Every sentence of the page, by id. A translation is another table of the same ids: `{name}` is
// filled in, and what is not translated stays English. No other file has words for a reader.

const ENGLISH = {
  "act.allow": "Allow",
  "act.allow_here": "Allow in this conversation",
  "act.continue": "Continue",
  "act.copy": "Copy the answer",
  "act.copy_plain": "Copy as plain text",
  "act.delete": "Delete this message",
  "act.delete_sure": "Delete?",
  "act.deny": "Deny",
  "act.details": "Details",
  "act.down": "Bad answer",
  "act.edit": "Edit and ask again",
  "act.regenerate": "Answer again",
  "act.retry": "Retry",
  "act.stop": "Stop",
  "act.up": "Good answer",
  "about": "Model: {about}",
  "about.small": "{about}, a small demonstration model on this machine",
  "ask.away": "The connection is lost. Trying again…",
  "ask.box": "Your message",
  "ask.cancel_edit": "Don't edit",
  "ask.editing": "You are editing an earlier question. It is asked again, and what followed it is put aside.",
  "ask.empty": "There is no text in your message.",
  "ask.form": "Ask",
  "ask.hint": "Enter sends, Shift+Enter makes a new line. /help says more.",
  "ask.lost": "The connection is lost; this was not done.",
  "ask.placeholder": "Ask something",
  "ask.send": "Send",
  "ask.too_long": "Your message is too long: the most is {most} characters.",
  "author.you": "You",
  "code.copied": "Copied",
  "code.copy": "Copy",
  "code.not_allowed": "Not allowed",
  "copy.done": "Copied.",
  "copy.not_allowed": "The browser does not let this page copy: it allows that over https alone.",
  "done.title": "Answered · {title}",
  "example.1": "Why is the sky blue?",
  "example.2": "Write a short poem about a lighthouse.",
  "example.3": "Show me a Python function that reverses a list.",
  "examples": "Example questions",
  "file.attach": "Attach files",
  "file.attached": "Attached files",
  "file.image": "image.png",
  "file.kinds": "Attach images (PNG, JPEG, GIF, WebP), PDFs, Word, Excel, text or code: up to {most} MB each",
  "file.lost": "The connection is lost.",
  "file.not_attached": "{name} was not attached. {why}",
  "file.refused": "The server refused it.",
  "file.remove": "Remove {name}",
  "file.sending": "A file is still on its way. Please send again in a moment.",
  "help.title": "Help",
  "help.text":
    "/new: the model forgets what was said before; the messages stay.\n" +
    "/stop: your answer is ended, and your questions that wait are dropped.\n" +
    "/retry deep: your last question is asked again, of the model of this name.\n" +
    "/help: this.\n\n" +
    "Enter sends, Shift+Enter makes a new line. Files can be dropped or pasted anywhere. " +
    "While an answer is written you can ask the next question: it waits for its turn.",
  "js.needed": "The playground needs JavaScript.",
  "log": "Conversation",
  "newest": "To the newest text",
  "note": "Note",
  "page.logout": "Log out",
  "page.new": "New conversation",
  "page.runs": "Runs",
  "page.title": "Everytoken playground",
  "pace": "Pace",
  "pace.as_discord": "As Discord",
  "pace.as_slack": "As Slack",
  "pace.discord":
    "As Discord allows a channel, with a margin: 4 posts and edits in 5 seconds, in messages of up to 2,000 characters.",
  "pace.fast": "Five edits a second at most, in messages of up to 4,000 characters.",
  "pace.name_fast": "Fast",
  "pace.slack":
    "As Slack allows a workspace: 50 edits a minute, shared by all its answers, in messages of up to 11,000 characters.",
  "past.hide": "Hide what was asked before",
  "past.show": "Edited. Show what was asked before",
  "receipt.broken": "Something was lost",
  "receipt.cut": "All that was written is here",
  "receipt.mended": "Every token arrived",
  "receipt.unproven": "Not proven",
  "receipt.verified": "Every token arrived",
  "receipt.way": "How this answer came to be",
  "settings": "Settings",
  "settings.cancel": "Cancel",
  "settings.here": "This conversation",
  "settings.page": "All conversations of the page",
  "settings.save": "Save",
  "settings.where": "For",
  "side": "Conversations and pace",
  "speak.name": "recording",
  "speak.no_microphone": "There is no microphone that this page could use.",
  "speak.not_allowed": "The browser does not let this page use the microphone.",
  "speak.start": "Speak",
  "speak.stop": "Send what you said",
  "status.queued": "Waiting: it is next",
  "status.queued_behind": "Waiting: {count} before it",
  "status.thinking": "Thinking",
  "talk.delete": "Delete",
  "talk.deleted": "Deleted, with all of its messages.",
  "talk.json": "JSON",
  "talk.markdown": "Markdown",
  "talk.more": "More about: {name}",
  "talk.name": "Name of the conversation",
  "talk.rename": "Rename",
  "talk.undo": "Undo",
  "talks": "Conversations",
  "talks.not_found": "None is called that.",
  "talks.search": "Search conversations",
  "talks.none": "They are listed here, on this browser only.",
  "welcome.bring": "Bring it to Slack or Discord",
  "welcome.title": "What would you like to know?",
  "welcome.what": "Everytoken answers your questions, and shows that nothing of an answer got lost on its way to you.",
  "welcome.source": "Answers come from {about}.",
  "welcome.discord": "Discord: set DISCORD_TOKEN. Step by step: docs/connect-discord.md.",
  "welcome.model": "Another model answers with MODEL, for example MODEL=openai:gpt-4o-mini.",
  "welcome.slack":
    "Slack: make an app from slack/manifest.json, and set SLACK_BOT_TOKEN and SLACK_APP_TOKEN. Step by step: docs/connect-slack.md.",
};

const retold = []; // what says its words again in another language
const tables = { en: ENGLISH };
const TAGS = { zh: "zh-CN" };
let table = ENGLISH;

// Adds a language's table; `speak` chooses one.
export function learn(language, words) {
  tables[language] = { ...ENGLISH, ...words };
}

// The first of a reader's languages that there is, or English.
export function speak(...languages) {
  const known = languages.flat().map((tag) => tag.split("-", 1)[0]).find((tag) => tag in tables);
  table = tables[known] ?? ENGLISH;
  document.documentElement.lang = TAGS[known] ?? "en";
  document.title = say("page.title");
  fill(document);
  for (const again of retold) again();
}

export function onSpeak(again) {
  retold.push(again);
}

// A sentence, with its parameters filled in.
export function say(id, params = {}) {
  return (table[id] ?? id).replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
}

const PLACES = { say: "textContent", sayTitle: "title", sayPlaceholder: "placeholder" };

// Writes the sentences that the page's HTML names: data-say, data-say-label, data-say-title …
export function fill(root) {
  const given = { ...document.body.dataset };
  if (given.small) given.about = say("about.small", given);
  for (const [name, property] of Object.entries(PLACES)) {
    const attribute = `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const element of root.querySelectorAll(`[${attribute}]`)) {
      element[property] = say(element.dataset[name], given);
    }
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    element.setAttribute("aria-label", say(element.dataset.sayLabel, given));
  }
}

// The ids of all sentences.
export function ids() {
  return Object.keys(ENGLISH);
}

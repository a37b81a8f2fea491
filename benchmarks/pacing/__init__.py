"""Pacing on virtual time: the bot's own against others, and all against what can be reached."""

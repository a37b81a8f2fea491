"""Slack's own reading of Markdown: what becomes of a `markdown` block."""

from tests.servers.slack.markdown.blocks import translate
from tests.servers.slack.markdown.parser import Reading

__all__ = ["Reading", "translate"]

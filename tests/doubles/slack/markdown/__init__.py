"""Slack's own reading of Markdown: what becomes of a `markdown` block."""

from tests.doubles.slack.markdown.blocks import translate
from tests.doubles.slack.markdown.parser import Reading

__all__ = ["Reading", "translate"]

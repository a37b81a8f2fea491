"""Slack's own reading of Markdown: what becomes of a `markdown` block."""

from tests.servers.slack.markdown.blocks import translate

__all__ = ["translate"]

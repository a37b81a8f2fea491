"""What a text says on Slack: escaped so that it rings for nobody, and compared as it is seen."""

from connectors.slack.markup.blocks import seen
from connectors.slack.markup.markdown import visible
from connectors.slack.markup.mentions import escape, escape_growing

__all__ = ["escape", "escape_growing", "seen", "visible"]

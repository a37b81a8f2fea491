"""Slack: a bot in one workspace by its token, or in many by OAuth."""

from connectors.slack.connector import SlackConnector
from connectors.slack.options import OAuth, Prompt, SlackOptions, Streaming

__all__ = ["OAuth", "Prompt", "SlackConnector", "SlackOptions", "Streaming"]

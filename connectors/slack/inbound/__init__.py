"""What people and Slack send: events, interactions and commands."""

from connectors.slack.inbound.inbound import Inbound

__all__ = ["Inbound"]

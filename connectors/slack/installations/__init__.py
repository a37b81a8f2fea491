"""The workspaces that installed the app: their tokens, and the pages on which they install it."""

from connectors.slack.installations.installations import Installations
from connectors.slack.installations.table import metadata

__all__ = ["Installations", "metadata"]

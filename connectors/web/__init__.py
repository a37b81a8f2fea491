"""The playground: a page where anybody can try the bot, without an account anywhere."""

from connectors.web.access import AccessRules, Guard
from connectors.web.connector import WebConnector
from connectors.web.files import FileQuota

__all__ = ["AccessRules", "FileQuota", "Guard", "WebConnector"]

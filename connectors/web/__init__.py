"""The playground: a page where anybody can try the bot, without an account anywhere."""

from connectors.web.access import Access, Guard
from connectors.web.connector import WebConnector

__all__ = ["Access", "Guard", "WebConnector"]

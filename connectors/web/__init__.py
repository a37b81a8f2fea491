"""The playground: a page where anybody can try the bot, without an account anywhere."""

from connectors.web.access import Access, Guard
from connectors.web.connector import WebConnector
from connectors.web.files import Room

__all__ = ["Access", "Guard", "Room", "WebConnector"]

"""The only place that names concrete connectors and providers."""

from bot.app.asking import ask, probe
from bot.app.opening import opened_store
from bot.app.platforms import Half, connector_for_reading, make_connectors
from bot.app.serving import serve

__all__ = [
    "Half",
    "ask",
    "connector_for_reading",
    "make_connectors",
    "opened_store",
    "probe",
    "serve",
]

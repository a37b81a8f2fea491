"""The only place that names concrete connectors and providers."""

from bot.app.asking import ask, probe
from bot.app.models import each_alone
from bot.app.opening import living, opened_store
from bot.app.platforms import Half, connector_for_reading, make_connectors
from bot.app.probing import ChainBroken, looped
from bot.app.serving import serve

__all__ = [
    "ChainBroken",
    "Half",
    "ask",
    "connector_for_reading",
    "each_alone",
    "living",
    "looped",
    "make_connectors",
    "opened_store",
    "probe",
    "serve",
]

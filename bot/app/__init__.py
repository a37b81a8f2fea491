"""The only place that names concrete connectors and providers."""

from bot.app.asking import ask, probe
from bot.app.keeping import (
    PersonBusy,
    PersonUnknown,
    erase_person,
    person_data,
    reset_person,
)
from bot.app.keys import KEYS_KNOWN_S, keys_made, retire_keys, rotate_keys
from bot.app.models import each_alone
from bot.app.opening import living, now_us, opened_store
from bot.app.platforms import Half, connector_for_reading, make_connectors
from bot.app.probing import ChainBroken, looped
from bot.app.serving import serve

__all__ = [
    "KEYS_KNOWN_S",
    "ChainBroken",
    "Half",
    "PersonBusy",
    "PersonUnknown",
    "ask",
    "connector_for_reading",
    "each_alone",
    "erase_person",
    "keys_made",
    "living",
    "looped",
    "make_connectors",
    "now_us",
    "opened_store",
    "person_data",
    "probe",
    "reset_person",
    "retire_keys",
    "rotate_keys",
    "serve",
]

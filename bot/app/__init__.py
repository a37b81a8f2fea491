"""The only place that names concrete connectors and providers."""

from bot.app.lifecycle import living, now_us, opened_cluster, opened_store
from bot.app.models import each_alone
from bot.app.retention import (
    KEYS_KNOWN_S,
    PersonBusy,
    PersonUnknown,
    erase_person,
    keys_made,
    person_data,
    reset_person,
    retire_keys,
    rotate_keys,
)
from bot.app.selftest import ChainBroken, ask, looped, probe
from bot.app.serve import serve
from bot.app.wiring import Half, connector_for_reading, make_connectors

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
    "opened_cluster",
    "opened_store",
    "person_data",
    "probe",
    "reset_person",
    "retire_keys",
    "rotate_keys",
    "serve",
]

"""The only place that names concrete connectors and providers."""

from bot.app.asking import ask, probe
from bot.app.keeping import (
    PersonBusy,
    PersonUnknown,
    erase_person,
    person_data,
    reset_person,
)
from bot.app.opening import now_us, opened_store
from bot.app.platforms import Half, connector_for_reading, make_connectors
from bot.app.serving import serve

__all__ = [
    "Half",
    "PersonBusy",
    "PersonUnknown",
    "ask",
    "connector_for_reading",
    "erase_person",
    "make_connectors",
    "now_us",
    "opened_store",
    "person_data",
    "probe",
    "reset_person",
    "serve",
]

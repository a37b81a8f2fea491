"""What libraries read of the environment by themselves, and what of it they may see.

Some of them would send questions and answers to whoever such a variable names, or to another
address than the one in the settings. So only a setting decides: what is none is taken out of the
process's environment before any of these libraries is imported.
"""

from __future__ import annotations

from collections.abc import Collection, MutableMapping

TRACING = ("LANGSMITH_", "LANGCHAIN_")
"""LangSmith's and LangChain's own tracing: `TRACE_LANGCHAIN` leaves them."""
SERVICES = ("OPENAI_", "ANTHROPIC_", "GOOGLE_GENAI_", "OTEL_")
"""Addresses, accounts, headers and logs of the services' SDKs, and the exporters of traces."""


def take_out(
    environ: MutableMapping[str, str], settings: Collection[str], *, tracing: bool
) -> list[str]:
    """Removes the variables that are no `settings`, and returns their names."""
    prefixes = SERVICES if tracing else TRACING + SERVICES
    foreign = [
        name
        for name in sorted(environ)
        if name.upper().startswith(prefixes) and name.lower() not in settings
    ]
    for name in foreign:
        del environ[name]
    return foreign

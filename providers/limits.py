"""How patient every SDK's client is with its service."""

CONNECT_SECONDS = 10.0

MAX_RETRIES = 2
"""Only before the stream begins: nothing is sent twice."""

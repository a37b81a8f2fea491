"""How patient every SDK's client is with its service."""

CONNECT_SECONDS = 10.0

MAX_RETRIES = 0
"""A client tries nothing again by itself: `providers.failover` does, for all models together."""

"""HTTP/1.1 for streams of many small chunks, as a transport of httpx2's."""

from providers.http.body import Body
from providers.http.transport import Transport

__all__ = ["Body", "Transport"]

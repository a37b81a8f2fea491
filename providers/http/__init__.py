"""HTTP/1.1 for streams of many small chunks, as a transport of httpx2's."""

from providers.http.body import Body
from providers.http.transport import Transport, certificates_path

__all__ = ["Body", "Transport", "certificates_path"]

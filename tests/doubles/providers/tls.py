"""Servers' certificates, each wrong in one way, and an authority that signs them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@asynccontextmanager
async def untrusted_server(folder: Path) -> AsyncIterator[str]:
    """Serves nothing, under a certificate of its own making; gives its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    server = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def certificate(folder: Path) -> Path:
    """A certificate that signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _built("localhost", key, _name("localhost")).sign(key, hashes.SHA256())
    path = folder / "server.pem"
    path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
    return path


class Authority:
    """Signs certificates; `path` is its own, which who trusts it has."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "authority.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _built("Authority", self._key, _name("Authority")).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._own = builder.sign(self._key, hashes.SHA256())
        self.path.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def server(
        self,
        name: str = "localhost",
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        whole: bool = False,
    ) -> ssl.SSLContext:
        """What a server of this name shows; with the authority's own behind it where `whole`."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _built(name, key, _name("Authority"), since, until).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        made = builder.sign(self._key, hashes.SHA256())
        path = self._folder / "signed.pem"
        shown = [made, self._own] if whole else [made]
        chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in shown)
        path.write_bytes(_pem(key) + chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _built(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    since: datetime | None = None,
    until: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    until = until or now + _DAY
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or min(now, until) - _DAY)
        .not_valid_after(until)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

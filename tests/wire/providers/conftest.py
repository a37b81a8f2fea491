"""Few authorities: what is reached here is on loopback, and reading all of them takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.providers.tls import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one certificate, which has signed nothing."""
    return Authority(tmp_path_factory.mktemp("authority")).path


@pytest.fixture(scope="module", autouse=True)
def _one_authority(authority: Path) -> Iterator[None]:
    """Instead of a hundred and fifty, which a client of an SDK reads each time: 50 ms of a CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority))
        yield

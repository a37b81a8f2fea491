"""systemd takes the unit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.deploy.files import ROOT


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "everytoken.service").read_text()
    there = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", unit, flags=re.MULTILINE)
    (tmp_path / "everytoken.service").write_text(there)
    (tmp_path / "wrong.service").write_text(there.replace("PrivateTmp", "PrivateTemp"))
    said = [_verified(tmp_path / f"{name}.service") for name in ("everytoken", "wrong")]
    assert said[0] == ""
    assert "PrivateTemp" in said[1]


def _verified(unit: Path) -> str:
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return told.stderr

"""Files for hosts name settings that exist, with values that work, and agree with each other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from tests.deploy import files
from tests.deploy.files import ROOT

SETTINGS = {name.upper() for name in Settings.model_fields}
OTHERS = {
    "POSTGRES_PASSWORD",  # the compose file's own
    "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PATH",
    "LOCAL", "OTEL",  # the image's build arguments
}  # fmt: skip
SECRETS = {"OPENAI_API_KEY": "sk-x", "WEB_PASSWORD": "x", "METRICS_TOKEN": "x"}


def _given() -> dict[str, dict[str, str]]:
    """What each file sets."""
    heroku = {name: about.get("value", "") for name, about in files.app_json()["env"].items()}
    bot = files.compose()["services"]["bot"]["environment"]
    return {
        "app.json": heroku,
        "fly.toml": files.fly()["env"],
        "compose.yaml": bot,
        "Dockerfile": files.dockerfile_environment(),
        "everytoken.service": files.unit_environment(),
    }


@pytest.mark.parametrize("name", _given())
def test_a_file_sets_only_what_is_a_setting(name: str) -> None:
    assert _given()[name], "nothing was found: is the test still reading the file?"
    assert set(_given()[name]) - OTHERS <= SETTINGS


@pytest.mark.parametrize("page", files.DOCS, ids=lambda page: page.name)
def test_a_page_names_only_settings(page: Path) -> None:
    assert files.named_in(page) - OTHERS <= SETTINGS


@pytest.mark.parametrize("name", _given())
def test_what_a_file_sets_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    given = {key: value for key, value in _given()[name].items() if key in SETTINGS and value}
    for key, value in (SECRETS | given).items():
        monkeypatch.setenv(key, value.replace("${POSTGRES_PASSWORD}", "pw"))
    settings = Settings(_env_file=None)
    assert settings.public == (name in {"fly.toml", "Dockerfile"})


def test_a_host_kills_only_after_the_bot_had_its_time() -> None:
    """The grace, and what closing takes after it."""
    grace, closing = float(Settings.model_fields["shutdown_grace"].default), 5.0
    unit = (ROOT / "deploy" / "everytoken.service").read_text()
    times = [
        files.fly()["kill_timeout"],
        files.compose()["services"]["bot"]["stop_grace_period"],
        *re.findall(r"^TimeoutStopSec=(\d+)", unit, re.MULTILINE),
    ]
    assert len(times) == 3
    assert all(float(time.removesuffix("s")) >= grace + closing for time in times)


def test_every_host_asks_the_bot_whether_it_is_alive() -> None:
    (check,) = files.fly()["http_service"]["checks"]
    health = next(given for step, given in files.dockerfile() if step == "HEALTHCHECK")
    assert check["path"] == "/healthz"
    assert "/healthz" in health
    assert files.fly()["http_service"]["internal_port"] == int(files.fly()["env"]["PORT"])


def test_every_host_starts_the_same_commands() -> None:
    commands = files.procfile()
    assert set(commands) == {"release", "web", "worker"}
    assert files.fly()["deploy"]["release_command"] == commands["release"]
    last = [given for step, given in files.dockerfile() if step == "CMD"][-1]
    assert " ".join(re.findall(r'"([^"]+)"', last)) == commands["web"]
    unit = (ROOT / "deploy" / "everytoken.service").read_text()
    assert commands["web"].removeprefix("python") in unit
    assert set(files.app_json()["formation"]) == {"web", "worker"}


def test_the_image_takes_what_is_there_and_leaves_the_rest() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[ignored.index("*")] == "*"
    copied = [
        source
        for step, given in files.dockerfile()
        if step == "COPY" and not given.startswith("--from")
        for source in shlex.split(given)[:-1]
    ]
    assert {"bot", "connectors", "providers"} <= set(copied)
    assert set(copied) <= taken
    for source in copied:
        assert list(ROOT.glob(source)), source
    for pattern in taken:
        assert list(ROOT.glob(pattern)), pattern
    assert not taken & {".env", ".git", "data", "tests"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    steps = files.dockerfile()
    last = max(at for at, (step, _) in enumerate(steps) if step == "FROM")
    users = [given for step, given in steps[last:] if step == "USER"]
    assert users == ["10001:0"]
    assert not [given for step, given in steps if step == "ADD"]


def test_compose_gives_the_bot_nothing_that_it_does_not_need() -> None:
    bot: dict[str, Any] = files.compose()["services"]["bot"]
    assert (bot["read_only"], bot["cap_drop"]) == (True, ["ALL"])
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"])


def test_no_file_holds_a_secret() -> None:
    for name, given in _given().items():
        for key, value in given.items():
            field = Settings.model_fields.get(key.lower())
            secret = field is not None and "SecretStr" in str(field.annotation)
            assert not secret or value == "" or "${" in value, (name, key)

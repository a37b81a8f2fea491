"""Files for hosts name settings that exist, with values that work, and agree with each other."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from bot.settings import Settings
from tests.unit.deploy import files
from tests.unit.deploy.files import ROOT

SETTINGS = {name.upper() for name in Settings.model_fields}
OTHERS = {
    "POSTGRES_PASSWORD",  # the compose file's own
    "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PATH",
    "LOCAL", "OTEL",  # the image's build arguments
    "XDG_CACHE_HOME",  # where caches are, on any system
}  # fmt: skip
ORDER = ("release", "web")
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
        monkeypatch.setenv(key, files.interpolated(value))
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
    # Heroku installs the requirements alone; elsewhere there is the script of the package.
    release, web = (commands[name].replace("python -m bot", "everytoken") for name in ORDER)
    assert files.fly()["deploy"]["release_command"] == release
    last = [given for step, given in files.dockerfile() if step == "CMD"][-1]
    assert " ".join(re.findall(r'"([^"]+)"', last)) == web
    unit = (ROOT / "deploy" / "everytoken.service").read_text()
    assert re.search(rf"^ExecStart=/\S+/bin/{web}$", unit, re.MULTILINE)
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


# Each file against its schema or its own tool.


def test_compose_has_no_key_that_its_specification_lacks() -> None:
    vendored = "builtin_schemas/vendor/compose-spec.json"
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is missing: make test")
    schema = json.loads(files_of("check_jsonschema").joinpath(vendored).read_text())
    Draft202012Validator(schema).validate(files.compose())
    wrong = files.compose()
    wrong["services"]["bot"]["port"] = ["8080"]
    assert not Draft202012Validator(schema).is_valid(wrong)


def test_compose_starts_with_nothing_set() -> None:
    """Each variable has a default, and the bot waits for what it needs."""
    text = (ROOT / "compose.yaml").read_text()
    assert re.findall(r"\$\{\w+\}|\$\{\w+:?\?", text) == []
    services = files.compose()["services"]
    assert set(services["bot"]["depends_on"]) == set(services) - {"bot"}
    assert all("healthcheck" in services[name] for name in services["bot"]["depends_on"])
    assert services["bot"]["env_file"] == [{"path": ".env", "required": False}]
    assert not [name for name in ("db", "redis") if "ports" in services[name]]


TEXTS = ("name", "description", "website", "repository", "logo")
APP_JSON: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{key: {"type": "string"} for key in TEXTS},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "stack": {"enum": ["heroku-22", "heroku-24", "heroku-26"]},
        "buildpacks": {"type": "array", "items": {"required": ["url"]}},
        "addons": {"type": "array", "items": {"type": ["string", "object"]}},
        "formation": {
            "additionalProperties": {
                "additionalProperties": False,
                "properties": {"quantity": {"type": "integer"}, "size": {"type": "string"}},
            }
        },
        "env": {
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": {
                "additionalProperties": False,
                "required": ["description"],
                "properties": {
                    "description": {"type": "string"},
                    "value": {"type": "string"},
                    "required": {"type": "boolean"},
                    "generator": {"const": "secret"},
                },
            },
        },
    },
}
"""What Heroku's page lists of its manifest, as far as it is used."""


def test_heroku_asks_for_the_key_of_the_model_that_it_sets() -> None:
    manifest = files.app_json()
    Draft202012Validator(APP_JSON).validate(manifest)
    asked = {
        name
        for name, about in manifest["env"].items()
        if about.get("required", True) and not {"value", "generator"} & set(about)
    }
    assert asked == {"OPENAI_API_KEY"}
    assert manifest["env"]["MODEL"]["value"].startswith("openai:")


def test_heroku_and_the_image_have_a_python_that_the_package_names() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pinned = (ROOT / ".python-version").read_text().strip()
    argument = next(given for step, given in files.dockerfile() if step == "ARG")
    image = argument.removeprefix("PYTHON=").partition("-")[0]
    assert {f"Programming Language :: Python :: {one}" for one in (pinned, image)} <= set(named)

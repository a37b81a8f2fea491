"""`doctor`: what is wrong is found, and comes with the setting that cures it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.cli.doctor import _connector
from connectors.base import Unavailable
from connectors.memory import MemoryConnector
from tests.doubles.commands import Ran, Shell, asks, dead_port, lines, whole
from tests.doubles.openai import OpenAIServer, failure

pytestmark = pytest.mark.real_time

ELSEWHERE = "postgresql://bot:db-secret@127.0.0.1:1/x"


@pytest.fixture(scope="module")
async def examined(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """A set-up that is whole, and others in which one thing is wrong."""
    shell = Shell(tmp_path_factory.mktemp("doctor"))
    file = shell.folder / "file"
    file.touch()
    async with (
        OpenAIServer(whole("OK", ".")) as good,
        OpenAIServer(failure(401, "invalid_api_key")) as refusing,
        dead_port() as dead,
    ):
        nobody = f"http://127.0.0.1:{dead}/v1"
        settings = {
            "healthy": asks(good),
            "two models": asks(good) | {"MODEL": "compatible:x,azure:a"} | azure(refusing),
            "wrong key": asks(refusing),
            "no server": asks(good) | {"OPENAI_BASE_URL": nobody},
            "no database": asks(good) | {"DATABASE_URL": ELSEWHERE},
            "no folder": asks(good) | {"DATA_DIR": str(file / "data")},
            "no model file": {"LOCAL_MODEL_PATH": str(shell.folder / "model.gguf")},
            "wrong setting": {"MODEL": "nonsense", "DATABASE_URL": ELSEWHERE},
        }
        return await shell.run_each("doctor", "--json", settings=settings)


async def test_a_healthy_set_up_passes_every_check(examined: dict[str, Ran]) -> None:
    """Down to a probe that went the whole way of a token."""
    ran = examined["healthy"]
    assert (ran.code, ran.err) == (0, "")
    checks = {check["name"]: check for check in ran.json["checks"]}
    assert ran.json["ok"]
    assert list(checks) == ["settings", "database", "web", "loopback web", "chain"]
    assert all(check["ok"] and not check["cure"] for check in checks.values())
    assert checks["chain"]["detail"] == "2 tokens, verified"


def azure(server: OpenAIServer) -> dict[str, str]:
    """The settings of Azure's models."""
    return {"AZURE_OPENAI_ENDPOINT": server.root, "AZURE_OPENAI_API_KEY": "sk-secret"}


async def test_each_of_several_models_is_looked_at_by_itself(examined: dict[str, Ran]) -> None:
    """One that answers does not hide one that can't."""
    checks = {check["name"]: check["ok"] for check in examined["two models"].json["checks"][-2:]}
    assert checks == {"chain compatible:x": True, "model azure:a": False}


@pytest.mark.parametrize(
    ("case", "name", "detail", "cure"),
    [
        ("two models", "model azure:a", "refused the key", "AZURE_OPENAI_API_KEY"),
        ("wrong key", "model", "refused the key", "OPENAI_API_KEY"),
        ("no server", "model", "nothing answers at 127.0.0.1", "OPENAI_BASE_URL"),
        ("no database", "database", "port 1 failed: Connection refused", "DATABASE_URL"),
        ("no folder", "database", "", "DATA_DIR"),
        ("no model file", "model", "model.gguf is missing", "LOCAL_MODEL_PATH"),
        ("wrong setting", "settings", "MODEL is not one of", ".env"),
    ],
)
async def test_what_fails_comes_with_its_cure(
    examined: dict[str, Ran], case: str, name: str, detail: str, cure: str
) -> None:
    """One check fails; what depends on it is not guessed at."""
    ran = examined[case]
    assert (ran.code, ran.err, ran.json["ok"]) == (1, "", False)
    failed = only_failure(ran)
    assert failed["name"] == name
    assert detail in failed["detail"]
    assert cure in failed["cure"]
    assert "db-secret" not in ran.out


def only_failure(ran: Ran) -> dict[str, Any]:
    """The one check that did not pass."""
    (failed,) = (check for check in ran.json["checks"] if not check["ok"])
    return dict(failed)


async def test_people_are_told_in_lines(shell: Shell) -> None:
    """What is right, what is wrong, and under it the cure."""
    ran = await shell.run("doctor", LOCAL_MODEL_PATH="model.gguf")
    *right, wrong, cure, following = lines(ran.out)
    assert (ran.code, ran.err) == (1, "")
    assert [line[:5] for line in right] == ["ok   "] * 4
    assert " ".join(wrong.split()) == "FAIL model: the model file model.gguf is missing"
    assert following.startswith("1 of 5 checks failed. Next, for model: set LOCAL_MODEL_PATH")
    assert cure.strip().startswith("cure: set LOCAL_MODEL_PATH to a GGUF file, or unset it")


class Away(MemoryConnector):
    """A platform that does not answer."""

    async def probe(self) -> None:
        raise Unavailable("nothing answers")


@pytest.mark.parametrize(("name", "cure"), [("folder", ""), ("web", "DATABASE_URL")])
async def test_a_platform_that_does_not_answer_has_no_cure_of_another_s(
    name: str, cure: str
) -> None:
    """Only the page is away because the database is."""
    check = await _connector(Away(name))
    assert not check.ok
    assert cure in check.cure
    assert bool(check.cure) == bool(cure)

"""The sizes of the code keep to their limits, and each limit can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import limits, sources
from tests.house.answer import Recorder
from tests.house.limits import Limit, differences, excess, files_of, functions_of
from tests.house.sources import Source

Plant = Callable[..., list[Source]]


@pytest.fixture(scope="module")
def house() -> list[Source]:
    """The source files as they are."""
    return sources.read_sources()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes `bot/NAME.py` files and reads them as the whole code."""

    def planted(**files: str) -> list[Source]:
        (tmp_path / "bot").mkdir()
        for name, text in files.items():
            (tmp_path / "bot" / f"{name}.py").write_text(text)
        return sources.read_sources(tmp_path)

    return planted


def _long_modules(found: list[Source]) -> list[str]:
    over = sources.over(sources.modules(found), limits.MODULE_LINES.now)
    return differences((one.name for one in over), limits.LONG_MODULES)


def _long_functions(found: list[Source]) -> list[str]:
    over = sources.over(sources.functions(found), limits.FUNCTION_LINES.now)
    return differences((one.name for one in over), limits.LONG_FUNCTIONS)


def test_no_module_is_too_long(house: list[Source]) -> None:
    assert _long_modules(house) == []


def test_modules_are_not_scattered(house: list[Source]) -> None:
    assert sources.median_size(sources.modules(house)) >= limits.MODULE_MEDIAN_AT_LEAST.now


def test_no_function_is_too_long(house: list[Source]) -> None:
    assert _long_functions(house) == []


def test_no_class_name_means_two_things(house: list[Source]) -> None:
    assert differences(sources.repeated_classes(house), limits.REPEATED_CLASSES) == []


def test_a_planted_long_module_is_found(plant: Plant) -> None:
    longest = limits.MODULE_LINES.now
    found = plant(edge="x = 1\n" * longest, beyond="x = 1\n" * (longest + 1))
    assert "bot/beyond.py is over the limit" in _long_modules(found)
    assert "bot/edge.py is over the limit" not in _long_modules(found)


def test_planted_small_modules_lower_the_median(plant: Plant) -> None:
    least = limits.MODULE_MEDIAN_AT_LEAST.now
    found = plant(one="x = 1\n" * least, two="x = 1\n" * 9, three="x = 1\n" * 8)
    assert sources.median_size(sources.modules(found)) < least


def test_a_package_marker_is_no_module(plant: Plant) -> None:
    found = plant(
        __init__='"""A package."""\n' + "\n" * (sources.STUB_LINES - 1), one="x = 1\n" * 6
    )
    assert [module.name for module in sources.modules(found)] == ["bot/one.py"]


def test_a_planted_long_function_is_found(plant: Plant) -> None:
    longest = limits.FUNCTION_LINES.now
    body = "        x = 1\n"
    edge = "    def edge(self):\n" + body * (longest - 1)
    beyond = "    async def beyond(self):\n" + body * longest
    found = _long_functions(plant(one=f"class Planted:\n{edge}\n{beyond}"))
    assert "bot/one.py::Planted.beyond is over the limit" in found
    assert "bot/one.py::Planted.edge is over the limit" not in found


def test_a_planted_second_class_of_a_name_is_found(plant: Plant) -> None:
    nested = "def f():\n    class Twice:\n        pass\n"
    found = plant(one="class Twice:\n    pass\n\nclass Once:\n    pass\n", two=nested)
    assert sources.repeated_classes(found) == {"Twice": ["bot/one.py", "bot/two.py"]}


def test_an_exception_that_nothing_needs_is_found() -> None:
    assert differences(["a", "b"], frozenset({"b", "c"})) == [
        "a is over the limit",
        "c needs no exception any more",
    ]


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (101, ["101 is over the limit of 100"]),
        (100, []),
        (95, []),
        (94, ["the limit of 100 can be lowered to 94"]),
        (40, ["the limit of 100 can be lowered to 50"]),
    ],
)
def test_a_limit_above_its_aim_follows_what_is_measured(measured: int, said: list[str]) -> None:
    assert excess(measured, Limit(now=100, aim=50, slack=5)) == said


def test_a_limit_at_its_aim_stays_there() -> None:
    assert excess(1, Limit(now=50, aim=50)) == []


def test_the_recorder_counts_functions_and_tells_closures_apart(
    plant: Plant, tmp_path: Path
) -> None:
    text = (
        "class Body:\n    def method(self):\n        return sum(x for x in (1, 2))\n"
        "def outer():\n    def inner():\n        return Body().method()\n    return inner()\n"
        "twice = lambda: (outer(), outer())\n"
    )
    (source,) = plant(one=text)
    code = compile(text, str(tmp_path / source.path), "exec")
    recorder, names = Recorder(tmp_path), dict[str, Callable[[], object]]()
    with recorder.recording():
        exec(code, names)  # noqa: S102 - the planted module
        names["twice"]()
    found = recorder.passed()
    assert [(one.function, one.calls) for one in found] == [
        ("<lambda>", 1),
        ("outer", 2),
        ("outer.<locals>.inner", 2),
        ("Body.method", 2),
    ]
    assert [one.function for one in functions_of(found)] == ["outer", "Body.method"]
    assert files_of(found) == {"bot/one.py"}


def test_a_small_module_with_one_importer_is_found_behind_its_face(tmp_path: Path) -> None:
    files = {
        "bot/pack/__init__.py": "from bot.pack.lonely import a\nfrom bot.pack.shared import b\n\n\n"
        "__all__ = ['a', 'b']\n",
        "bot/pack/lonely.py": "a = 1\n" * 6,
        "bot/pack/shared.py": "b = 1\n" * 6,
        "bot/one.py": "from bot.pack import a, b\n" * 6,
        "bot/two.py": "import bot.pack.shared\nfrom bot import one\n" * 3,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = sources.lonely_modules(sources.read_sources(tmp_path), 80)
    assert found == {"bot/pack/lonely.py": "bot/one.py", "bot/one.py": "bot/two.py"}
    assert "bot/one.py" not in sources.lonely_modules(sources.read_sources(tmp_path), 6)


def test_shares_are_counted(plant: Plant) -> None:
    text = (
        '"""A module."""  # one\n'
        'def told(x: int) -> int:\n    """It."""\n'
        "def untold(self, x):  # two\n    pass\n"
        "def _own() -> None: pass\n"
    )
    found = plant(one=text)
    assert str(sources.commented(found)) == "33.3 %"
    assert str(sources.annotated(found)) == "66.7 %"
    assert str(sources.documented(found)) == "50.0 %"

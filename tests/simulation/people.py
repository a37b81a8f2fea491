"""What people do, and what becomes of the processes: the acts of a plan, carried out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from bot.store import BrakeStore
from connectors.base import (
    Asked,
    Commanded,
    Control,
    Deleted,
    Edited,
    Event,
    MessageRef,
    Part,
    Person,
    Place,
    Pressed,
)
from connectors.memory import BOT, PostedMessage, Version
from tests.doubles.way import START_US
from tests.simulation.calling import Turn
from tests.simulation.model import SECRET
from tests.simulation.plan import Act
from tests.simulation.world import Process, World

_PERSON = Person("ann", "Ann")
_OTHER = Person("bob", "Bob")
_LOOK_S = 0.11
_OTHERS_ODDS = 0.2
"""That somebody presses who may not decide."""
_TAMPER = text("UPDATE tool_calls SET arguments = :instead WHERE state IN ('waiting', 'approved')")
_AGAIN_S = 1.5
_HEARD_S = 5.0

_ALLOW = (Control.ALLOW, Control.ALLOW, Control.ALLOW_HERE)


@dataclass(slots=True)
class Request:
    """An event on its way: `kept` once a process has said that it is safe."""

    event: Event
    kept: bool = False


class People:
    """Carries out the acts of a plan, and delivers until somebody has taken each event."""

    def __init__(self, world: World) -> None:
        self.requests: list[Request] = []
        self.withdrawn: set[MessageRef] = set()
        """Questions that were deleted, changed, or may have been stopped while they waited."""
        self.heard: set[tuple[int, MessageRef]] = set()
        """The deletions that a process has accepted, by its number."""
        self.commands = 0
        self.allowed: set[UUID] = set()
        """The runs under whose answers Allow was pressed by who may."""
        self.switched = False
        """Whether somebody turned tools off."""
        self._world = world
        self._chance = world.chance
        self._deciding = random.Random(f"{world.plan.calling and world.plan.calling.seed}/decided")  # noqa: S311
        world.restarts = lambda: self._later(self._start)
        self._acts: dict[Act, Callable[[], None]] = {
            "ask": self._ask,
            "delete question": self._delete_question,
            "delete answer": self._delete_answer,
            "stop": lambda: self._press(Control.STOP),
            "retry": lambda: self._press(Control.RETRY),
            "continue": lambda: self._press(Control.CONTINUE),
            "edit": self._edit,
            "command": self._command,
            "kill": self._kill,
            "close": self._close,
            "start": self._start,
            "database away": self._database_away,
            "database full": self._database_full,
            "platform away": self._platform_away,
            "clock": self._clock,
        }

    def do(self, act: Act) -> None:
        """Carries out one act, as far as there is anything to do it to."""
        self._world.watch.note(f"-- {act}")
        self._acts[act]()

    # People.

    def _ask(self) -> None:
        place = Place("memory", "home", f"c{self._chance.randint(1, self._world.plan.channels)}")
        ref = self._world.platform.new_ref(place)
        version = Version(_now(), f"Question {ref.id}? {SECRET}")
        self._world.platform.add(ref, _PERSON, version, START_US + int(_now() * 1e6))
        self._tell(Asked(ref, _PERSON, version.text))

    def _edit(self) -> None:
        if (question := self._any(self._questions())) is not None:
            text = f"{question.text} Better: {len(question.versions)}"
            question.versions.append(Version(_now(), text))
            self.withdrawn.add(question.ref)
            self._tell(Edited(question.ref, _PERSON, text, str(len(question.versions))))

    def _delete_question(self) -> None:
        if (question := self._any(self._questions())) is not None:
            question.deleted = True
            self.withdrawn.add(question.ref)
            self._tell(Deleted(question.ref))

    def _delete_answer(self) -> None:
        if (message := self._any(self._answers())) is not None:
            message.deleted = True
            self._tell(Deleted(message.ref))

    def _press(self, control: Control) -> None:
        shown = [m for m in self._answers() if m.part and control in m.part.controls]
        message = self._any(shown)
        if message is not None and message.part is not None and message.part.run_id is not None:
            self._tell(Pressed(message.ref, _PERSON, control, message.part.run_id))

    # Tools: who sees a question that waits presses something, or nothing.

    async def decide(self) -> None:
        """For ever: looks at the answers, and decides once about each that waits."""
        seen: set[UUID] = set()
        while True:
            await asyncio.sleep(_LOOK_S)
            for message in self._answers():
                part = message.part
                if part is None or part.run_id is None or Control.ALLOW not in part.controls:
                    continue
                if part.run_id not in seen:
                    seen.add(part.run_id)
                    self._world.watch.beyond(self._decided(message.ref, part))

    async def _decided(self, ref: MessageRef, part: Part) -> None:
        calling, chance, run_id = self._world.plan.calling, self._deciding, part.run_id
        assert calling is not None
        assert run_id is not None
        await asyncio.sleep(chance.choice([0.0, 0.3, 2.0]))
        if chance.random() < _OTHERS_ODDS:
            self._tell(Pressed(ref, _OTHER, Control.ALLOW, run_id))
        if chance.random() < calling.ignore_odds:
            return
        allow = chance.choice([c for c in _ALLOW if c in part.controls])
        control = Control.DENY if chance.random() < calling.deny_odds else allow
        while True:
            if control is not Control.DENY:
                self.allowed.add(run_id)
            self._tell(Pressed(ref, _PERSON, control, run_id))
            if chance.random() > calling.again_odds / 2:
                return
            await asyncio.sleep(chance.choice([0.0, 0.0, 0.05, 1.0]))
            control = chance.choice([control, control, Control.DENY, Control.DETAILS])

    async def turn(self, turn: Turn) -> None:
        """Something happens to the deployment's tools."""
        bell, world = self._world.bell, self._world
        assert bell is not None
        world.watch.note(f"-- {turn}")
        brakes = BrakeStore(world.database)
        if turn == "tamper":
            with world.database._engine.connect() as connection, connection.begin():
                connection.execute(_TAMPER, {"instead": '{"to": "everybody"}'})
        elif turn == "redescribe":
            bell.description += " Loudly."
        elif turn == "tools off":
            self.switched = True
            await brakes.put_on("tools")
        elif turn == "tools on":
            await brakes.take_off("tools")
        elif world.living:
            world.stall(self._deciding.choice(world.living))

    def _command(self) -> None:
        place = Place("memory", "home", f"c{self._chance.randint(1, self._world.plan.channels)}")
        ref = self._world.platform.new_ref(place)
        command = self._chance.choice(["new", "stop"])
        self.commands += command == "stop"
        self._tell(Commanded(ref, _PERSON, "new" if command == "new" else "stop"))

    def _questions(self) -> list[PostedMessage]:
        messages = self._world.platform.messages.values()
        return [m for m in messages if m.author == _PERSON and not m.deleted]

    def _answers(self) -> list[PostedMessage]:
        messages = self._world.platform.messages.values()
        return [m for m in messages if m.author == BOT and not m.deleted and m.part]

    def _any(self, messages: list[PostedMessage]) -> PostedMessage | None:
        return self._chance.choice(messages[-4:]) if messages else None

    # The platform: delivers until an event is taken, and now and then once more.

    def _tell(self, event: Event) -> None:
        request = Request(event)
        self.requests.append(request)
        self._world.watch.beyond(self._deliver(request))

    async def _deliver(self, request: Request) -> None:
        await asyncio.sleep(self._chance.choice([0.0, 0.0, 0.02, 0.5]))
        again = self._chance.random() < self._world.plan.again_odds
        while True:
            taken = await self._delivered(request)
            if taken and not again:
                return
            again = again and not taken
            await asyncio.sleep(self._chance.uniform(0.0, _AGAIN_S))

    async def _delivered(self, request: Request) -> bool:
        """Whether a process said that the event is safe, and the platform heard of it."""
        to = self._world.living
        if to and not self._world.plan.everywhere:
            to = [self._chance.choice(to)]
        taken = [await self._handed(request, process) for process in to]
        heard = self._chance.random() >= self._world.plan.again_odds / 2
        return any(taken) and heard

    async def _handed(self, request: Request, process: Process) -> bool:
        if isinstance(request.event, Commanded) and request.event.command == "stop":
            place = request.event.message.place  # one that is delivered again stops again
            self.withdrawn |= {q.ref for q in self._questions() if q.ref.place == place}
        incoming = process.connector.deliver(request.event)
        try:
            taken = await asyncio.wait_for(incoming.accepted(), 3.0)
        except TimeoutError:
            return False
        request.kept = request.kept or taken
        if taken and isinstance(request.event, Deleted):
            self.heard.add((process.number, request.event.message))
        if taken and isinstance(request.event, Pressed):
            self._world.watch.beyond(self._heard(request.event, process))
        return taken

    async def _heard(self, pressed: Pressed, process: Process) -> None:
        """A run that was stopped says no more."""
        run = next((run for run in process.runs.active if run.id == pressed.run_id), None)
        if pressed.control is not Control.STOP or run is None:
            return
        await asyncio.sleep(0.1)
        tokens = run.generation.tokens
        await asyncio.sleep(_HEARD_S)
        if run.generation.tokens > tokens:
            self._world.watch.breach(f"unheard: {run.id} went on after it was stopped")

    # Fate.

    def _kill(self) -> None:
        if living := self._world.living:
            self._world.kill(self._chance.choice(living))
            self._later(self._start)

    def _close(self) -> None:
        if living := self._world.living:
            self._world.close(self._chance.choice(living))
            self._later(self._start)

    def _start(self) -> None:
        if len(self._world.living) < 3:
            self._world.start()

    def _later(self, act: Callable[[], None]) -> None:
        async def late() -> None:
            await asyncio.sleep(self._chance.uniform(0.0, 4.0))
            if not self._world.living:
                act()

        self._world.watch.beyond(late())

    def _database_away(self) -> None:
        self._world.weather.away_until = _now() + self._chance.choice([0.5, 4.0, 14.0])

    def _database_full(self) -> None:
        self._world.weather.full_until = _now() + self._chance.choice([0.5, 4.0, 14.0])

    def _platform_away(self) -> None:
        self._world.skies.away_until = _now() + self._chance.uniform(0.5, 12.0)

    def _clock(self) -> None:
        if living := self._world.living:
            process = self._chance.choice(living)
            process.clock_jump_s[0] += self._chance.choice([-120.0, -4.0, 4.0, 120.0])

    def clear_up(self) -> None:
        """From here on nothing goes wrong."""
        self._world.weather.odds = self._world.weather.slow_odds = 0.0
        self._world.skies.odds = 0.0
        if not self._world.living:
            self._world.start()


def _now() -> float:
    return asyncio.get_running_loop().time()

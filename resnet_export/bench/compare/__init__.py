"""Measuring two sides in turns: `compare(*read_sides("model=a.onnx", "model=b.onnx"))` gives a `Comparison`.

Each launch has a fresh process of either side, since a process keeps the memory that it happened to get. Short blocks
of runs take turns, in an order drawn by lot; the process whose turn it isn't is stopped. As much of a launch goes into
its blocks as went into getting there: at worst, that takes twice the time of the best share, which nobody knows before.
How many launches there are is decided by the time alone, so that no result is waited for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
from typing import TYPE_CHECKING, Any

from resnet_export.bench.compare import paired
from resnet_export.bench.compare.comparison import Comparison, Launch, Pair, Ran
from resnet_export.bench.isolation import PATIENCE, POOLS
from resnet_export.bench.sampling import DEFAULT
from resnet_export.bench.turns import Turns
from resnet_export.errors import MissingDependencyError, UsageError
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench import Progress
    from resnet_export.bench.compare.comparison import Name
    from resnet_export.bench.compare.side import Side

BAND = 0.015
"""Half of the difference that a person could act on; the interval of a default run is narrower by half."""
BLOCK: dict[str, Any] = {"seconds": 0.1, "least": 5, "most": 1000}
"""Long enough that stopping and waking the other (1 ms) is nothing, short enough that a disturbance of a second or more
falls on both sides."""
LEAST_PAIRS = 6
"""Of a launch: their median is right when two of them were disturbed."""
ORDERS: tuple[tuple[Name, Name], ...] = (("a", "b"), ("b", "a"))

ALONE = "There is nothing to compare without it."
"""What a side that crashed means for the other."""


def compare(
    a: Side,
    b: Side,
    seconds: float = DEFAULT.seconds,
    band: float = BAND,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    patience: float = PATIENCE,
) -> Comparison:
    """Measures A against B.

    Args:
        a: what B is held against.
        b: the other.
        seconds: for all together; there are `paired.LEAST_LAUNCHES` launches however long they take.
        band: that the ratio may be off 1 by and still mean the same.
        seed: of the orders.
        progress: entered around it all; may give what is told how it stands.
        patience: seconds without a sign of life after which a process is ended.

    Raises:
        UsageError: a number can't be meant so.
        ResNetExportError: a side can't be run; its process crashed or hung.
    """
    if not 0 <= band < 1:
        raise UsageError(f"A band of {band:g} is not between 0 and 1.", hint="Give a share such as 0.015.")
    if not seconds > 0:
        raise UsageError(f"{seconds:g} seconds are no time.", hint="Give a number above 0.")
    machine = read_machine()
    chance = random.Random(seed)
    allowed = max(1, int(machine.usable_cpus))
    sides: dict[Name, _Prepared] = {"a": _Prepared(a, allowed), "b": _Prepared(b, allowed)}
    launches: list[Launch] = []
    facts: dict[Name, dict[str, Any]] = {}
    begin = time.monotonic()
    with (progress or (lambda name: contextlib.nullcontext()))("comparing") as tell:
        while not _over(len(launches), time.monotonic() - begin, seconds):
            launch, facts = _launch(sides, chance, seconds / paired.LEAST_LAUNCHES, patience)
            launches.append(launch)
            _tell(tell, launches)
    ran = {name: Ran(side.side, side.threads, **facts[name]) for name, side in sides.items()}
    spent = time.monotonic() - begin
    return Comparison(ran["a"], ran["b"], tuple(launches), band, seconds, spent, seed, machine)


class _Prepared:
    """A side with all that its process is told."""

    def __init__(self, side: Side, allowed: int) -> None:
        self.side, case = side, side.case
        text, self.threads = case.resolve(allowed)
        self.environment = side.environment
        if text == case.runtime:  # it has no such option, or was given it
            self.environment |= dict.fromkeys(POOLS, str(self.threads))
        self.start = {"runtime": text, "allow_fallback": case.allow_fallback}
        self.open = {
            "path": case.model.path,
            "images": dataclasses.asdict(case.model.images),
            "batch": case.batch,
            "boundary": case.boundary,
        }


def _over(launches: int, spent: float, seconds: float) -> bool:
    """Whether another launch of their mean duration would not fit any more."""
    return launches >= paired.LEAST_LAUNCHES and spent + spent / launches > seconds


def _launch(
    sides: dict[Name, _Prepared], chance: random.Random, share: float, patience: float
) -> tuple[Launch, dict[Name, dict[str, Any]]]:
    """A launch, and what ran in it. `share` is the time in seconds that it may take, where that is enough."""
    begin = time.monotonic()
    order = chance.choice(ORDERS)
    with contextlib.ExitStack() as stack:
        processes: dict[Name, Turns] = {}
        for name in order:
            side = sides[name]
            turns = Turns(name.upper(), side.side.command, side.environment, patience, ALONE)
            processes[name] = stack.enter_context(turns)
        # Importing may overlap: nothing is measured, and nothing tunes itself to what it measures.
        for name, process in processes.items():
            process.send("start", **sides[name].start)
        facts = {name: _started(process, sides[name].side) for name, process in processes.items()}
        for name, process in processes.items():
            facts[name] |= process.ask("open", **sides[name].open)
        pairs: list[Pair] = []
        ready = time.monotonic()
        end = ready + min(ready - begin, max(0.0, share - (ready - begin)))
        while len(pairs) < LEAST_PAIRS or time.monotonic() < end:
            pairs += [_pair(processes, order) for order in chance.sample(ORDERS, 2)]
    return Launch(order[0], tuple(pairs)), facts


def _started(process: Turns, side: Side) -> dict[str, Any]:
    """What the process says of its runtime; where one is missing, the pip line of its own environment."""
    try:
        return process.receive()
    except MissingDependencyError as error:
        if side.python is None or error.hint is None:
            raise
        hint = error.hint.replace("pip install", f"{side.python} -m pip install")
        raise MissingDependencyError(error.message, hint=hint) from error


def _pair(processes: dict[Name, Turns], order: tuple[Name, Name]) -> Pair:
    times = {name: [one / 1e6 for one in processes[name].ask("block", **BLOCK)["samples_ns"]] for name in order}
    return Pair(order[0], tuple(times["a"]), tuple(times["b"]))


def _tell(tell: Callable[[str], None] | None, launches: list[Launch]) -> None:
    """How it stands, in a few words."""
    if tell is None:
        return
    so_far = ""
    if len(launches) >= paired.LEAST_LAUNCHES:
        ratio = paired.estimate([launch.log_ratio for launch in launches])
        so_far = f", B / A {ratio.value:.4f} [{ratio.low:.4f} {ratio.high:.4f}]"
    tell(f"launch {len(launches)}{so_far}")

"""Measuring two sides in turns: `compare(*read_sides("model=a.onnx", "model=b.onnx"))` gives a `Comparison`.

Each launch has a fresh process of either side, since a process keeps the memory that it happened to get. Short blocks
of runs take turns, in an order drawn by lot; the process whose turn it isn't is stopped. As much of a launch goes into
its blocks as went into getting there: at worst, that takes twice the time of the best share, which nobody knows before.
How many launches there are is decided by the time alone, so that no result is waited for; who ends it early because of
what it shows has no right to its interval.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import sys
import time
from typing import TYPE_CHECKING, Any

from resnet_export.bench.compare import paired
from resnet_export.bench.compare.comparison import Comparison, Launch, Pair, Ran
from resnet_export.bench.isolation import PATIENCE
from resnet_export.bench.request import Request
from resnet_export.bench.sampling import DEFAULT
from resnet_export.bench.turns import Turns
from resnet_export.errors import MissingDependencyError, UsageError
from resnet_export.machine import read_machine
from resnet_export.machine.noise import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench import Progress
    from resnet_export.bench.compare.comparison import Name
    from resnet_export.bench.compare.side import Side
    from resnet_export.machine.noise import Noise

BAND = 0.015
"""Half of the difference that a person could act on; the interval of a default run is narrower by half."""
BLOCK: dict[str, Any] = {"seconds": 0.1, "least": 5, "most": 1000}
"""Long enough that stopping and waking the other (1 ms) is nothing, short enough that a disturbance of a second or more
falls on both sides."""
LEAST_PAIRS = 2
"""Of a launch: one in either order."""
USUAL_S = 1.2
"""Of a launch's blocks, where there is time: six pairs, whose median is right when two of them were disturbed."""
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
    begun: float | None = None,
    least_launches: int = 1,
) -> Comparison:
    """Measures A against B.

    Args:
        a: what B is held against.
        b: the other.
        seconds: for all together, the starts of the processes included.
        band: that the ratio may be off 1 by and still mean the same.
        seed: of the orders.
        progress: entered around it all; may give what is told how it stands.
        patience: seconds without a sign of life after which a process is ended.
        begun: when the time began to run, as `time.monotonic` has it; None for now.
        least_launches: however long they take.

    Returns:
        What was found; Ctrl-C ends it early where there is a launch already.

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
    sides: dict[Name, Side] = {"a": a, "b": b}
    requests = {name: Request.of(side.case, allowed) for name, side in sides.items()}
    launches: list[Launch] = []
    facts: dict[Name, dict[str, Any]] = {}
    interrupted = False
    begin = time.monotonic() if begun is None else begun
    first = time.monotonic()
    watch = Watch.begin(on_gpu=bool(machine.gpus.devices))
    with (progress or (lambda name: contextlib.nullcontext()))("comparing") as tell:
        try:
            while len(launches) < least_launches or not _over(
                len(launches), time.monotonic() - first, begin + seconds - time.monotonic()
            ):
                left = max(1, paired.LEAST_LAUNCHES - len(launches))
                share = (begin + seconds - time.monotonic()) / left
                launch, facts = _launch(sides, requests, chance, share, patience)
                launches.append(launch)
                _tell(tell, launches)
        except KeyboardInterrupt:
            if not launches:
                raise
            interrupted = True
    ran = {name: Ran(side, requests[name].threads, **facts[name]) for name, side in sides.items()}
    return Comparison(
        ran["a"],
        ran["b"],
        tuple(launches),
        band,
        seconds,
        time.monotonic() - begin,
        seed,
        machine,
        _of_all_launches(watch.end()),
        interrupted,
    )


def _of_all_launches(noise: Noise) -> Noise:
    """Without what isn't told of processes that are gone, nor of a clock that was looked at between the launches."""
    told = dataclasses.replace(
        noise, voluntary_per_s=None, involuntary_per_s=None, clock_low_mhz=None, clock_high_mhz=None
    )
    # The CPU time of children that ended is told on Linux alone.
    return told if sys.platform == "linux" else dataclasses.replace(told, own_cpus=None, others_cpus=None)


def _over(launches: int, spent: float, left: float) -> bool:
    """Whether another launch of their mean duration, in seconds, would not fit any more."""
    return spent / launches > left


def _launch(
    sides: dict[Name, Side], requests: dict[Name, Request], chance: random.Random, share: float, patience: float
) -> tuple[Launch, dict[Name, dict[str, Any]]]:
    """A launch, and what ran in it. `share` is the time in seconds that it may take, where that is enough."""
    begin = time.monotonic()
    order = chance.choice(ORDERS)
    with contextlib.ExitStack() as stack:
        processes: dict[Name, Turns] = {}
        for name in order:
            side = sides[name]
            environment = {**side.environment, **requests[name].environment}
            turns = Turns(name.upper(), side.command, environment, patience, ALONE)
            processes[name] = stack.enter_context(turns)
        # Importing may overlap: nothing is measured, and nothing tunes itself to what it measures.
        for name, process in processes.items():
            process.send("start", request=requests[name].as_dict())
        for name, process in processes.items():
            _wait_for_import(process, sides[name])
        facts = {name: process.ask("open") for name, process in processes.items()}
        pairs: list[Pair] = []
        ready = time.monotonic()
        started = ready - begin
        end = ready + min(max(started, USUAL_S), max(0.0, share - started))
        while len(pairs) < LEAST_PAIRS or time.monotonic() < end:
            pairs += [_pair(processes, order) for order in chance.sample(ORDERS, 2)]
    return Launch(order[0], tuple(pairs)), facts


def _wait_for_import(process: Turns, side: Side) -> None:
    """Until the process has its runtime; where that is missing, the pip line is that of its own environment."""
    try:
        process.receive()
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
    ratio = paired.estimate([launch.log_ratio for launch in launches])
    if ratio.low is not None:
        so_far = f", B / A {ratio.value:.4f} [{ratio.low:.4f} {ratio.high:.4f}]"
    tell(f"launch {len(launches)}{so_far}")

"""Measuring two sides in turns: `compare(*read_sides("model=a.onnx", "model=b.onnx"))` gives a `Comparison`.

Each launch has a fresh process of either side, since a process keeps the memory that it happened to get. Short blocks
of runs take turns, in an order drawn by lot; the process whose turn it is not is suspended: the idle thread pools of
ONNX Runtime spin, and two of them on the same cores double each other's latency.

The blocks of a launch get as much time as its start took, which is at worst half as good as the best share. The number
of launches is decided by the time alone: who stops because of what a result shows has no right to its interval.
"""

import contextlib
import dataclasses
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain

from resnet_export.bench.case import Case
from resnet_export.bench.compare import paired
from resnet_export.bench.compare.results import Comparison, Launch, Measured, Name, Pair
from resnet_export.bench.request import Ran, Request
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenarios.single import Single
from resnet_export.bench.worker import TARGET
from resnet_export.errors import ResNetExportError, RuntimeCrashedError, UsageError
from resnet_export.machine import Machine, read_machine
from resnet_export.machine.noise import Noise, Watch
from resnet_export.progress import Progress
from resnet_export.workers import TIMEOUT_S, Worker

BAND = 0.015
"""Half of the difference that a person could act on; the interval of a default run is narrower by half."""
BLOCK = Budget(0.1, 5, 1000)
"""Long enough that suspending and waking the other (1 ms) is nothing, short enough that a disturbance of a second or
more falls on both sides."""
LEAD_IN = Budget(0.005, 1)
"""Runs of a block that are not counted: the other side had the caches before."""
WARM_UP = Budget(0.25, 5)
"""Runs after the first: a processor takes tens of milliseconds to reach its clock, and a network a few runs to have its
memory. What is left of it meets both sides alike, since their blocks alternate."""
LEAST_PAIRS = 2
"""Pairs of a launch: one in either order."""
USUAL_S = 1.2
"""Time of a launch's blocks, where there is time: six pairs, whose median is right when two of them were disturbed."""
ORDERS: tuple[tuple[Name, Name], ...] = (("a", "b"), ("b", "a"))


def compare(
    a: Case,
    b: Case,
    seconds: float = DEFAULT.seconds,
    band: float = BAND,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
    begun: float | None = None,
    least_launches: int = 1,
    machine: Machine | None = None,
) -> Comparison:
    """Measures A against B.

    Args:
        a: what B is held against.
        b: the other.
        seconds: for all together, the starts of the processes included.
        band: how far the ratio may be from 1 and still mean the same.
        seed: seed of the orders.
        progress: entered around it all; may give a function that is called with how it stands.
        timeout_s: seconds without a sign of life after which a process is ended.
        begun: when the time began to run, on the clock `time.monotonic`; None for now.
        least_launches: launches that are made however long they take.
        machine: this one, where its facts are known already.

    Returns:
        What was found; Ctrl-C ends it early where there is a launch already.

    Raises:
        UsageError: a number has an invalid value.
        ResNetExportError: a side can't be run; its process crashed or hung.
    """
    if not 0 <= band < 1:
        raise UsageError(f"A band of {band:g} is not between 0 and 1.", hint="Give a share such as 0.015.")
    if not seconds > 0:
        raise UsageError(f"{seconds:g} seconds are no time.", hint="Give a number above 0.")
    machine = machine or read_machine()
    begin, first = time.monotonic() if begun is None else begun, time.monotonic()
    sides: dict[Name, Case] = {"a": a, "b": b}
    launcher = _Launcher(sides, machine.usable_cpus, random.Random(seed), timeout_s)
    launches: list[Launch] = []
    interrupted = False
    watch = Watch(on_gpu=bool(machine.gpus.devices))
    with (progress or (lambda name: contextlib.nullcontext()))("comparing") as show:
        try:
            while len(launches) < least_launches or (
                # Another launch of their mean duration fits.
                (time.monotonic() - first) / len(launches) <= begin + seconds - time.monotonic()
            ):
                left = max(1, paired.LEAST_LAUNCHES - len(launches))
                launches.append(launcher.launch((begin + seconds - time.monotonic()) / left))
                _show(show, launches)
        except KeyboardInterrupt:
            if not launches:
                raise
            interrupted = True
    noise = _without_processes(watch.end())
    first_side, second_side = launcher.measured("a", launches), launcher.measured("b", launches)
    spent = time.monotonic() - begin
    return Comparison(first_side, second_side, tuple(launches), band, seconds, spent, seed, machine, noise, interrupted)


class _Launcher:
    """Starts both sides afresh, and lets them take turns."""

    def __init__(self, sides: dict[Name, Case], usable_cpus: float, chance: random.Random, timeout_s: float) -> None:
        self._sides, self._chance, self._timeout_s = sides, chance, timeout_s
        self._requests = {name: Request.of(side, usable_cpus) for name, side in sides.items()}
        self._ran: dict[Name, Ran] = {}

    def launch(self, share: float) -> Launch:
        """One launch; `share` is the time in seconds that it may take, where that is enough."""
        begin = time.monotonic()
        order = self._chance.choice(ORDERS)
        with contextlib.ExitStack() as stack:
            workers = {name: stack.enter_context(self._start(name)) for name in order}
            # Importing may overlap: nothing is measured, and nothing tunes itself to what it measures.
            for name, worker in workers.items():
                worker.send("load", self._requests[name], doing="importing the runtime")
            for name, worker in workers.items():
                with self._named(name):
                    worker.receive()
                worker.suspend()
            for name, worker in workers.items():
                self._open(name, worker)
            pairs: list[Pair] = []
            ready = time.monotonic()
            started = ready - begin
            end = ready + min(max(started, USUAL_S), max(0.0, share - started))
            while len(pairs) < LEAST_PAIRS or time.monotonic() < end:
                pairs += [self._pair(workers, order) for order in self._chance.sample(ORDERS, 2)]
        return Launch(order[0], tuple(pairs))

    def measured(self, name: Name, launches: list[Launch]) -> Measured:
        """What one side gave."""
        blocks = [[pair.a_ns if name == "a" else pair.b_ns for pair in launch.pairs] for launch in launches]
        medians = [statistics.median(chain.from_iterable(own)) for own in blocks]
        p50_ms, runs = statistics.median(medians) / 1e6, sum(map(len, chain.from_iterable(blocks)))
        return Measured(self._sides[name], self._requests[name].threads, self._ran[name], p50_ms, runs)

    def _start(self, name: Name) -> Worker:
        return Worker(TARGET, environment=self._requests[name].environment, timeout_s=self._timeout_s)

    def _open(self, name: Name, worker: Worker) -> None:
        """Opens the file, runs it and warms it up."""
        with self._named(name), _awake(worker):
            worker.call("open", Single(), doing="opening the file")
            worker.call("first_run", doing="running it for the first time")
            worker.call("block", WARM_UP, LEAD_IN, doing="warming up")
            self._ran[name] = worker.call("ran")

    def _pair(self, workers: dict[Name, Worker], order: tuple[Name, Name]) -> Pair:
        times: dict[Name, tuple[int, ...]] = {}
        for name in order:
            with self._named(name), _awake(workers[name]):
                times[name] = workers[name].call("block", LEAD_IN, BLOCK, doing="sampling")
        return Pair(order[0], times["a"], times["b"])

    @contextlib.contextmanager
    def _named(self, name: Name) -> Iterator[None]:
        """Puts the side's name before the message of an error."""
        try:
            yield
        except ResNetExportError as error:
            error.message = f"{name.upper()}: {error.message}"
            if isinstance(error, RuntimeCrashedError):
                error.message += "."
                last = f" It printed last: {error.log[-1]}" if error.log else ""
                error.hint = f"There is nothing to compare without it.{last}"
            raise


@contextlib.contextmanager
def _awake(worker: Worker) -> Iterator[None]:
    """It runs while it has its turn."""
    worker.resume()
    try:
        yield
    finally:
        worker.suspend()


def _without_processes(noise: Noise) -> Noise:
    """Leaves out what is not told of processes that are gone, and a clock that was read between the launches."""
    told = dataclasses.replace(
        noise, voluntary_per_s=None, involuntary_per_s=None, clock_low_mhz=None, clock_high_mhz=None
    )
    # The CPU time of children that ended is told on Linux alone.
    return told if sys.platform == "linux" else dataclasses.replace(told, own_cpus=None, others_cpus=None)


def _show(show: Callable[[str], None] | None, launches: list[Launch]) -> None:
    """How it stands, in a few words."""
    if show is None:
        return
    ratio = paired.estimate([launch.log_ratio for launch in launches])
    so_far = "" if ratio.low is None else f", B / A {ratio.value:.4f} [{ratio.low:.4f} {ratio.high:.4f}]"
    show(f"launch {len(launches)}{so_far}")

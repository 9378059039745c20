"""Two sides in turns: what comes out, and every way in which a side can end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from resnet_export.bench import compare as module
from resnet_export.bench.compare import compare
from resnet_export.bench.compare.results import Comparison, Launch, Pair
from resnet_export.bench.compare.side import read_sides
from resnet_export.bench.sampling import Budget
from resnet_export.data import decode
from resnet_export.errors import ModelError, RuntimeCrashedError, RuntimeFailedError, UsageError
from tests.bench.examples import RAN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resnet_export.bench.case import Case

LATENCY = "runtime=synthetic,latency_ms=8"


@pytest.fixture(autouse=True, scope="module")
def short_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", Budget(0.0, 5, 1000))
        patch.setattr(module, "WARM_UP", Budget(0.0, 5))
        yield


class Stage:
    """Notes what it is told."""

    told: list[str] = []  # noqa: RUF012

    def __init__(self, name: str) -> None:
        self.told.append(name)

    def __enter__(self) -> Callable[[str], None]:
        return self.told.append

    def __exit__(self, *exception: object) -> None:
        return None


@pytest.fixture
def sides(net: Path) -> tuple[Case, Case]:
    """Two that are alike."""
    return read_sides(f"model={net},{LATENCY}", "latency_ms=8")


@pytest.fixture(scope="module")
def slower_and_spent(net: Path) -> tuple[Comparison, float]:
    """B is told to take twice the time; and the CPU seconds of this process and those that it waited for."""
    before = os.times()
    found = compare(
        *read_sides(f"model={net},{LATENCY}", "slower=2"), seconds=0.1, seed=7, progress=Stage, least_launches=6
    )
    return found, sum(os.times()[:4]) - sum(before[:4])


@pytest.fixture(scope="module")
def slower(slower_and_spent: tuple[Comparison, float]) -> Comparison:
    return slower_and_spent[0]


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


class TestResult:
    def test_the_verdict(self, slower: Comparison) -> None:
        assert slower.verdict == "slower"
        assert slower.ratio.low is not None
        assert slower.ratio.low > 1.015
        assert slower.needs_seconds is None
        assert len(slower.launches) == 6, "the least, however long they take"

    def test_every_time_is_kept(self, slower: Comparison) -> None:
        assert all(len(launch.pairs) == 2 for launch in slower.launches), "there was no time for more"
        assert {len(pair.a_ns) for launch in slower.launches for pair in launch.pairs} == {5}
        assert (slower.a.runs, slower.b.runs) == (60, 60)
        assert min(min(pair.a_ns) for launch in slower.launches for pair in launch.pairs) >= 8e6
        assert min(min(pair.b_ns) for launch in slower.launches for pair in launch.pairs) >= 16e6
        assert slower.a.p50_ms >= 8

    def test_the_order_is_drawn_and_balanced(self, slower: Comparison) -> None:
        orders = ["".join(pair.first for pair in launch.pairs) for launch in slower.launches]
        assert all(order.count("a") == order.count("b") == 1 for order in orders)
        assert len(set(orders)) > 1
        assert {launch.first for launch in slower.launches} == {"a", "b"}

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells of processes that are gone")
    def test_what_disturbed_it(self, slower_and_spent: tuple[Comparison, float]) -> None:
        slower, spent = slower_and_spent
        noise = slower.noise
        assert noise.seconds == pytest.approx(slower.seconds, rel=0.1)
        assert noise.own_cpus is not None
        assert spent > 1, "twelve processes started Python"
        assert noise.own_cpus * noise.seconds == pytest.approx(spent, rel=0.1), "of all processes that ended, too"
        assert noise.own_cpus <= 1.1 * noise.cpus
        assert noise.involuntary_per_s is None
        assert slower.interrupted is False

    def test_the_json(self, slower: Comparison) -> None:
        plain = json.loads(json.dumps(slower.as_dict(), allow_nan=False))
        assert (plain["schema_version"], plain["verdict"], plain["seed"]) == (3, "slower", 7)
        assert plain["ratio"]["low"] <= plain["ratio"]["value"] <= plain["ratio"]["high"]
        assert plain["a"]["case"]["runtime"] == "synthetic,latency_ms=8"
        assert plain["b"]["case"]["runtime"] == "synthetic,latency_ms=8,slower=2"
        assert (plain["a"]["ran"]["precision"], plain["a"]["ran"]["device"]) == ("float32", "CPU")
        assert set(plain["launches"][0]["pairs"][0]) == {"first", "a_ns", "b_ns"}
        assert decode(Comparison, plain, "the JSON") == slower


def test_no_process_is_left(slower: Comparison) -> None:
    assert children() == []


def test_progress(slower: Comparison) -> None:
    assert Stage.told[:2] == ["comparing", "launch 1"]
    assert re.fullmatch(r"launch 6, B / A \d\.\d{4} \[\d\.\d{4} \d\.\d{4}\]", Stage.told[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
class TestCrash:
    def test_says_which_side_and_which_signal(self, net: Path) -> None:
        with pytest.raises(RuntimeCrashedError) as raised:
            compare(*read_sides(f"model={net},{LATENCY}", "fail=segfault,after=60"))
        assert raised.value.message == "B: its process was ended by SIGSEGV while sampling."
        assert any("Fatal Python error" in line for line in raised.value.log)
        assert children() == []

    def test_of_the_one_whose_turn_it_is_not(self, sides: tuple[Case, Case]) -> None:
        def kill() -> None:
            while not (stopped := [one for one in children() if one.status() == psutil.STATUS_STOPPED]):
                time.sleep(0.01)
            stopped[0].kill()

        threading.Thread(target=kill).start()
        with pytest.raises(RuntimeCrashedError, match=r"[AB]: its process was ended by SIGKILL, as the kernel does "):
            compare(*sides)
        assert children() == []


def test_an_interruption_leaves_no_process(sides: tuple[Case, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        assert len(children()) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(module._Launcher, "_pair", interrupt)
    with pytest.raises(KeyboardInterrupt):
        compare(*sides)
    assert children() == []


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Launches take two seconds each, and nothing is measured; Ctrl-C may end one."""
    now, shares = [100.0], []

    def launch(self: Any, share: float) -> Launch:
        shares.append(share)
        if len(shares) == self.interrupted_at:
            raise KeyboardInterrupt
        self._ran = dict.fromkeys("ab", RAN)
        now[0] += 2.0
        return Launch("a", (Pair("a", (8, 8), (8, 8)),))

    monkeypatch.setattr(module._Launcher, "launch", launch)
    monkeypatch.setattr(module._Launcher, "interrupted_at", None, raising=False)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return shares


@pytest.mark.parametrize(("seconds", "least", "launches"), [(8.0, 1, 4), (9.5, 1, 4), (8.0, 5, 5), (0.1, 1, 1)])
def test_as_many_launches_as_fit(
    seconds: float, least: int, launches: int, sides: tuple[Case, Case], shares: list[float]
) -> None:
    """Another begins only where the mean duration of those so far fits."""
    found = compare(*sides, seconds=seconds, least_launches=least)
    assert (len(found.launches), found.seconds) == (launches, 2.0 * launches)
    assert shares[0] == pytest.approx(seconds / 6), "six launches are wanted"


@pytest.mark.usefixtures("shares")
def test_an_interruption_leaves_what_the_launches_so_far_say(
    sides: tuple[Case, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Launcher, "interrupted_at", 3)
    found = compare(*sides, seconds=20.0)
    assert (found.interrupted, len(found.launches), found.verdict) == (True, 2, "inconclusive")


def test_a_hang(net: Path) -> None:
    with pytest.raises(RuntimeCrashedError, match=r"B: its process gave no sign of life for 3 s while sampling, and"):
        compare(*read_sides(f"model={net},{LATENCY}", "fail=hang,after=60"), timeout_s=3)
    assert children() == []


@pytest.mark.parametrize(
    ("b", "kind", "message"),
    [
        ("fail=load", ModelError, r"B: The synthetic runtime cannot load net\.onnx"),
        ("fail=run", RuntimeFailedError, "B: It failed: it was told so"),
        ("io=device", ModelError, "B: synthetic,latency_ms=8 takes its inputs from the host only"),
    ],
)
def test_what_a_side_raises(b: str, kind: type[Exception], message: str, net: Path) -> None:
    with pytest.raises(kind, match=message):
        compare(*read_sides(f"model={net},{LATENCY}", b))
    assert children() == []


@pytest.mark.parametrize(("seconds", "band"), [(0.0, 0.01), (float("nan"), 0.01), (1.0, -0.1), (1.0, 1.0)])
def test_numbers_that_cannot_be_meant_so(seconds: float, band: float, sides: tuple[Case, Case]) -> None:
    with pytest.raises(UsageError):
        compare(*sides, seconds=seconds, band=band)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process that is stopped outlives its parent's kill")
def test_processes_go_with_a_parent_that_is_killed(net: Path) -> None:
    program = f"""
from resnet_export.bench.compare import compare
from resnet_export.bench.compare.results import Comparison, Launch, Pair
from resnet_export.bench.compare.side import read_sides
from resnet_export.bench.sampling import Budget
from resnet_export.data import decode
compare(*read_sides("model={net},runtime=synthetic,latency_ms=200", "latency_ms=200"))
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    try:
        deadline = time.monotonic() + 60
        started: list[psutil.Process] = []
        while not any(one.status() == psutil.STATUS_STOPPED for one in started) and time.monotonic() < deadline:
            time.sleep(0.05)
            started = psutil.Process(parent.pid).children()
        assert len(started) == 2
        assert any(one.status() == psutil.STATUS_STOPPED for one in started), "one of them waits for its turn"
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []

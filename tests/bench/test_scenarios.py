"""Every scenario on a simulated clock: networks whose latencies are known."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.bench.sampling import LEAST_SAMPLES, Budget, Clock
from resnet_export.bench.scenarios import SCENARIOS, Rig, Scenario, make_scenario
from resnet_export.bench.scenarios.concurrent import Concurrent
from resnet_export.bench.scenarios.idle import GAPS_MS, Idle
from resnet_export.bench.scenarios.offline import Offline
from resnet_export.bench.scenarios.server import LOADS, Server, predicted_load
from resnet_export.bench.scenarios.single import Single
from resnet_export.bench.slo import check_slo
from resnet_export.data import decode, to_json
from resnet_export.errors import NotApplicableError, UsageError
from tests.bench.clocks import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.bench.sampling import Call
    from resnet_export.bench.scenarios import Outcome

MS = 1_000_000
BUDGET = Budget(20.0)


def rig(latency_ms: Callable[[int], float], *, batch: int = 1, budget: Budget = BUDGET) -> Rig:
    """A network that takes `latency_ms(batch)`."""
    clock = SimulatedClock()

    def make_call(images: int) -> Call:
        return lambda index: clock.advance(round(latency_ms(images) * MS))

    return Rig(make_call, batch, clock, budget, lambda count, latest: None)


@pytest.mark.parametrize("name", ["single", "offline", "concurrent", "server", "idle"])
def test_a_name_makes_each_and_stands_in_its_json(name: str) -> None:
    scenario = make_scenario(name)
    assert (scenario.name, type(scenario)) == (name, SCENARIOS[name])
    again: Scenario = decode(Scenario, to_json(scenario), name)  # type: ignore[arg-type]
    assert again == scenario


def test_single() -> None:
    outcome = Single().sample(rig(lambda batch: 10.0 * batch, batch=2))
    (series,) = outcome.series
    assert series.samples_ns == (20 * MS,) * 1000
    assert (series.duration_ns, series.batch, series.condition) == (20_000 * MS, 2, {})


class TestOffline:
    @staticmethod
    def chosen(outcome: Outcome) -> int:
        return outcome.series[outcome.headline].batch

    def test_a_batch_that_does_not_fit_ends_the_search(self) -> None:
        def latency(batch: int) -> float:
            if batch > 4:
                raise MemoryError
            return 8.0 + batch

        outcome = Offline().sample(rig(latency))
        assert [one.batch for one in outcome.series] == [1, 2, 4, 4]
        with pytest.raises(MemoryError):
            Offline(batches=(4, 8)).sample(rig(latency))

    def test_a_refusal_is_no_lack_of_memory(self) -> None:
        def latency(batch: int) -> float:
            if batch > 1:
                raise NotApplicableError("It has recorded its kernels for a batch of 1, and can't take 2.")
            return 8.0

        with pytest.raises(NotApplicableError, match="recorded its kernels"):
            Offline().sample(rig(latency))

    def test_finds_the_best_batch(self) -> None:
        """A fixed cost of 8 ms, and 1 ms an image, but caches are too small for more than 16."""
        outcome = Offline().sample(rig(lambda batch: 8 + batch + max(0, batch - 16)))
        assert [one.batch for one in outcome.series if one.probe] == [1, 2, 4, 8, 16, 32, 64], "two too many are tried"
        assert self.chosen(outcome) == 16
        main = outcome.series[outcome.headline]
        assert not main.probe
        assert sum(main.samples_ns) >= 0.4 * 20_000 * MS, "what the probes left"
        assert main.condition == {"batch": 16}

    def test_stops_where_a_run_takes_too_long(self) -> None:
        outcome = Offline().sample(rig(lambda batch: 300 * batch**0.9))
        assert [one.batch for one in outcome.series if one.probe] == [1, 2, 4], "4 take 1044 ms of 20 s"

    def test_keeps_its_time(self) -> None:
        network = rig(lambda batch: 150 + 60 * batch)
        Offline().sample(network)
        assert 19.9 <= network.clock.now_ns() / 1e9 <= 20 + 1.2, (
            "with the warm-up and the probes, and at most a run too many"
        )

    def test_chooses_from_what_was_given(self) -> None:
        outcome = Offline().with_batches([3, 1]).sample(rig(lambda batch: 8 + batch))
        assert [one.batch for one in outcome.series] == [1, 3, 3]
        assert self.chosen(outcome) == 3


class TestIdle:
    def test_a_series_for_each_gap(self) -> None:
        network = rig(lambda batch: 10.0)
        begin = network.clock.now_ns()
        outcome = Idle().sample(network)
        assert [one.condition["gap_ms"] for one in outcome.series] == list(GAPS_MS)
        assert {one.samples_ns[0] for one in outcome.series} == {10 * MS}
        for series in outcome.series:
            paused = series.condition["gap_ms"] * MS * len(series.samples_ns)
            assert series.duration_ns == sum(series.samples_ns) + paused
            assert len(series.samples_ns) >= LEAST_SAMPLES
        assert network.clock.now_ns() - begin == sum(one.duration_ns for one in outcome.series)
        assert network.clock.now_ns() - begin == pytest.approx(20e9, rel=0.1)
        assert len(outcome.series[-1].samples_ns) >= 10, "pauses of a second have more than a fifth of the time"


class TestConcurrent:
    def test_the_callers_call_at_the_same_time(self) -> None:
        """Each call only waits, so that four callers get four times as many answers."""
        clock: Clock = Clock()
        inside: list[int] = []
        most = 0

        def make_call(images: int) -> Call:
            def call(index: int) -> None:
                nonlocal most
                inside.append(1)
                most = max(most, len(inside))
                clock.rest(2 * MS)
                inside.pop()

            return call

        outcome = Concurrent(4).sample(Rig(make_call, 3, clock, Budget(1.2, 300), lambda count, latest: None))
        (series,) = outcome.series
        assert most == 4
        assert (series.callers, series.batch) == (4, 3)
        assert len(series.samples_ns) >= 300
        assert min(series.samples_ns) >= 2 * MS
        assert sum(series.samples_ns) <= 4 * series.duration_ns

    def test_a_caller_that_fails_ends_it(self) -> None:
        def call(index: int) -> None:
            if index == 5:
                raise RuntimeError("it was told so")

        with pytest.raises(RuntimeError, match="it was told so"):
            Concurrent().sample(Rig(lambda batch: call, 1, Clock(), BUDGET, lambda count, latest: None))


class TestServer:
    def test_a_few_loads(self) -> None:
        outcome = Server().sample(rig(lambda batch: 10.0))
        assert tuple(one.condition["load"] for one in outcome.series) == pytest.approx(LOADS)
        assert outcome.series[outcome.headline].condition["load"] == pytest.approx(0.5)
        for series in outcome.series:
            assert series.condition["rate_per_s"] == pytest.approx(100 * series.condition["load"])
            assert series.loop == "open"
            assert len(series.samples_ns) == math.ceil(series.condition["rate_per_s"] * 6.0), "18 s for three loads"
            assert len(series.samples_ns) * 1e9 / series.duration_ns == pytest.approx(
                series.condition["rate_per_s"], rel=0.15
            )
        means = [statistics.fmean(one.samples_ns) for one in outcome.series]
        assert means == sorted(means), "waiting is part of the latency"

    @pytest.mark.parametrize("bound_ms", [25.0, pytest.param(60.0, marks=pytest.mark.long)])
    def test_the_rate_that_it_finds_keeps_the_bound_and_a_higher_one_breaks_it(self, bound_ms: float) -> None:
        network = rig(lambda batch: 10.0, budget=Budget(10_000.0, 662))
        outcome = Server(slo_p99_ms=bound_ms).sample(network)
        found = outcome.series[outcome.headline].condition["load"]
        assert p99_of_a_queue(found) <= bound_ms
        assert p99_of_a_queue(min(0.99, 1.25 * found)) > bound_ms
        assert len(outcome.series) >= 3

    def test_the_rate_is_confirmed_by_fresh_requests(self) -> None:
        outcome = Server(slo_p99_ms=25.0).sample(rig(lambda batch: 10.0, budget=Budget(2000.0, 662)))
        main = outcome.series[outcome.headline]
        same = [one for one in outcome.series if one.condition == main.condition]
        assert outcome.headline == len(outcome.series) - 1
        assert len(same) >= 2
        assert len({one.samples_ns for one in same}) == len(same)

    def test_more_requests_are_sent_where_they_are_too_few_to_tell(self) -> None:
        network = rig(lambda batch: 10.0, budget=Budget(2000.0))
        outcome = Server(slo_p99_ms=25.0).sample(network)
        assert [len(one.samples_ns) for one in outcome.series[:2]] == [300, 900]
        assert outcome.series[0].condition == outcome.series[1].condition

    def test_a_bound_that_no_rate_keeps_is_answered_at_once(self) -> None:
        network = rig(lambda batch: 10.0)
        begin = network.clock.now_ns()
        (series,) = Server(slo_p99_ms=5.0).sample(network).series
        assert not check_slo([sample / 1e6 for sample in series.samples_ns], 5.0).holds
        assert network.clock.now_ns() - begin <= 5e9

    def test_where_the_search_begins(self) -> None:
        services = np.full(100, 10.0 * MS)
        loads = [predicted_load(services, bound) for bound in (11.0, 30.0, 100.0, 1e9)]
        assert loads == sorted(loads)
        assert loads[-1] == pytest.approx(0.95, abs=0.01)


def p99_of_a_queue(load: float, service_ms: float = 10.0, requests: int = 1_000_000) -> float:
    """Of the latency in M/D/1, simulated."""
    gaps = np.random.default_rng(1).exponential(service_ms / load, requests)
    scheduled = np.cumsum(gaps)
    work = service_ms * np.arange(1, requests + 1)
    return float(np.quantile(work + np.maximum.accumulate(scheduled - (work - service_ms)) - scheduled, 0.99))


class TestMakeScenario:
    def test_defaults(self) -> None:
        assert make_scenario("concurrent", gaps_ms=None) == Concurrent(callers=4)
        assert Idle().gaps_ms == GAPS_MS
        assert make_scenario("server", slo_p99_ms=50.0).label == "server, p99 within 50 ms"

    @pytest.mark.parametrize(
        ("name", "settings", "message"),
        [
            ("sever", {}, "There is no scenario 'sever'."),
            ("single", {"callers": 2}, "callers belongs to the scenario concurrent, not to single."),
            ("idle", {"slo_p99_ms": 5.0}, "slo_p99_ms belongs to the scenario server, not to idle."),
            ("offline", {"gaps_ms": (1.0,)}, "gaps_ms belongs to the scenario idle, not to offline."),
            ("concurrent", {"callers": 0}, "Expected `int` >= 1 - at `$.callers`"),
            ("server", {"slo_p99_ms": 0.0}, "Expected `float` > 0.0 - at `$.slo_p99_ms`"),
            ("idle", {"gaps_ms": (1.0, -1.0)}, "Expected `float` >= 0.0 - at `$.gaps_ms[1]`"),
            ("idle", {"gaps_ms": ()}, "length >= 1 - at `$.gaps_ms`"),
        ],
    )
    def test_invalid_settings(self, name: str, settings: dict[str, object], message: str) -> None:
        with pytest.raises(UsageError) as caught:
            make_scenario(name, **settings)
        assert message in caught.value.message
        assert caught.value.hint

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.bench.slo import check_slo

BOUND = 10.0


def latencies(share: float, requests: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Independent, of which that share breaks the bound in the long run."""
    drawn = np.random.default_rng(seed).random(requests)
    return np.where(drawn < share, 2 * BOUND, BOUND * drawn)


def test_it_takes_299_requests_that_all_keep_it() -> None:
    steady = [float(one) for one in np.random.default_rng(0).uniform(1, 9, 2000)]
    needed = next(n for n in range(200, 2000) if check_slo(steady[:n], BOUND).holds)
    assert 299 <= needed <= 450, "299 if they were known to be independent"
    assert check_slo(steady, BOUND).broken == 0


@pytest.mark.parametrize("requests", [662, 5000])
def test_a_rate_at_the_limit_is_seldom_called_good(requests: int) -> None:
    called_good = sum(check_slo(latencies(0.01, requests, seed), BOUND).holds for seed in range(300))
    assert called_good <= 0.05 * 300 + 3 * (0.05 * 0.95 * 300) ** 0.5


def test_a_rate_well_below_the_limit_is_called_good() -> None:
    assert all(check_slo(latencies(0.001, 5000, seed), BOUND).holds for seed in range(50))


def test_dependent_requests_count_for_less() -> None:
    """The same share of broken ones, but in runs of fifty."""
    alone = np.full(20_000, 1.0) + np.random.default_rng(0).random(20_000)
    alone[::143] = 20.0
    together = np.sort(alone[: 20_000 // 50 * 50].reshape(-1, 50), axis=1)
    in_runs = np.full(20_000, 1.5) + np.random.default_rng(1).random(20_000)
    in_runs[5000:5050] = in_runs[12_000:12_050] = in_runs[17_000:17_040] = 20.0
    assert together.shape == (400, 50)
    assert check_slo(alone, BOUND).broken == check_slo(in_runs, BOUND).broken == 140
    assert check_slo(alone, BOUND).holds
    assert check_slo(in_runs, BOUND).p_value > 0.05

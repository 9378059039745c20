from __future__ import annotations

from typing import get_args

from resnet_export.bench.check import check
from resnet_export.bench.check.results import Status
from resnet_export.bench.scenarios import make_scenario
from resnet_export.report.check import text
from tests.report.check.examples import case, failed, report


def test_every_kind() -> None:
    searched = make_scenario("server", slo_p99_ms=50.0)
    before = [case(20.0, case__runtime=name) for name in ("same", "slower", "faster", "crashed", "short")]
    baseline = report(*before, case(20.0, case__scenario=searched), case(20.0, case__runtime="gone"))
    now = report(
        case(20.0, 1, case__runtime="same"),
        case(25.0, 1, case__runtime="slower"),
        case(15.0, 1, case__runtime="faster"),
        failed(case__runtime="crashed"),
        case(samples=4, case__runtime="short"),
        case(20.0, case__scenario=searched),
        case(case__runtime="unheard of"),
    )
    found = check(now, baseline)
    assert [one.status for one in found.cases] == list(get_args(Status))
    shown = text.render(found)
    assert all(word in shown for word in text.WORDS.values())
    told = "Failed: 1 case slower by more than 5 %, 1 case that the result does not have, 1 case that was not "
    told += "measured, 1 case that can't be told."
    assert told in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80

"""How measurements are written: the same digits and words on the terminal, in a page and in a table."""

import ntpath
from collections.abc import Iterator, Sequence

from resnet_export.bench.estimate import Estimate
from resnet_export.bench.grade import QUIET, WORST
from resnet_export.bench.request import Ran
from resnet_export.bench.results import CaseResult, Series
from resnet_export.machine import Machine
from resnet_export.terminal import number

CONDITIONS = {
    "batch": lambda value: f"batch {value:g}",
    "callers": lambda value: number(int(value), "caller"),
    "gap_ms": lambda value: f"after {value:g} ms",
    "rate_per_s": lambda value: f"{digits(value)} requests/s",
    "load": lambda value: f"load {value:.0%}",
}
"""A series' condition -> the words for its value."""
REFERENCE = "To compare it with another run all the same, give both --reference."
FEW_LAUNCHES = "?: too few launches for an interval."
"""The legend of a ratio of two that took turns."""


def digits(value: float) -> str:
    """Four digits, three below 1: 0.0123, 20.12, 12345."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.{3 if abs(value) < 1 else 4}g}".rstrip(".")


def milliseconds(nanoseconds: float) -> str:
    """Nanoseconds as milliseconds, without the unit: 20.12."""
    return digits(nanoseconds / 1e6)


def shown(found: Estimate | None) -> str:
    """`20.12 [20.05 20.19]`, `20.12 ?` where the samples support no interval, a dash where there is no number."""
    if found is None:
        return "-"
    ends = "?" if found.interval is None else f"[{' '.join(map(digits, found.interval))}]"
    return f"{digits(found.value)} {ends}"


def interval(ratio: Estimate, places: int = 3) -> str:
    """`[0.981 1.012]`, or `?` where there is none."""
    return "?" if ratio.interval is None else f"[{' '.join(f'{end:.{places}f}' for end in ratio.interval)}]"


def throughput(series: Series) -> str:
    """`49.7 [49.5 49.9]` images a second. Requests of an open loop are counted, which leaves nothing to estimate."""
    rate = series.images_per_s
    return digits(rate.value) if rate is not None and series.loop == "open" else shown(rate)


def machine_line(machine: Machine) -> str:
    """`AMD EPYC, 2 of 2 CPUs, Debian GNU/Linux 12 (bookworm)`, with the GPUs."""
    cpu, gpus = machine.cpu, [gpu.name for gpu in machine.gpus.devices]
    cpus = f"{machine.usable_cpus:g} of {cpu.logical_cores} CPUs"
    return ", ".join([cpu.model or "unknown CPU", cpus, *gpus, machine.system.name])


def condition(series: Series) -> str:
    """What tells a series from the others of its case: `28.2 requests/s, load 50%`; empty where nothing does.

    In a sweep over batches, it says which served to choose another, and which was chosen.
    """
    known = series.condition.items()
    words = [CONDITIONS[name](value) if name in CONDITIONS else f"{name} {value:g}" for name, value in known]
    if "batch" in series.condition:
        words.append("probe" if series.probe else "chosen")
    return ", ".join(words)


def told_apart(cases: Sequence[CaseResult]) -> tuple[str, list[str]]:
    """What all of the cases are, and what each is besides: `("ort:cpu, batch 1", ["1 thread", "2 threads"])`."""
    described = [_words(case) for case in cases]
    same = [key for key in described[0] if len({words[key] for words in described}) == 1]
    common = ", ".join(filter(None, (described[0][key] for key in same)))
    own = [", ".join(word for key, word in words.items() if word and key not in same) for words in described]
    return common, own


def case_name(case: CaseResult) -> str:
    """`ort:cpu, batch 1, 2 threads`, and what else was asked for."""
    return ", ".join(word for key, word in _words(case).items() if word and key != "file")


def caption(cases: Sequence[CaseResult], case: CaseResult, own: str = "") -> str:
    """The name of one of the cases, with its file where there are several, and what tells its series from others."""
    several = len({other.case.model.path for other in cases}) > 1
    return ", ".join(filter(None, [file_name(case.case.model.path) if several else "", case_name(case), own]))


def _words(result: CaseResult) -> dict[str, str]:
    """What a case is, word by word; empty where it is what is usual."""
    case = result.case
    return {
        "file": file_name(case.model.path),
        "runtime": case.runtime,
        "batch": "" if case.scenario.has_own_batches else f"batch {case.batch}",
        "threads": number(result.threads, "thread"),
        "io": "" if case.io == "host" else "device to device",
        "scenario": "" if case.scenario.name == "single" else case.scenario.label,
    }


def roofline(result: CaseResult) -> str:
    """`85%`; `85% ?` where the machine was so disturbed that its measured peaks were, too; else nothing."""
    if result.roofline is None:
        return ""
    doubted = result.grade is not None and result.grade.letter == WORST
    return f"{result.roofline.of_possible:.0%}{' ?' if doubted else ''}"


def advice(result: CaseResult) -> Iterator[str]:
    """Of its grade; with `--reference` for a busy machine, where that could have been given and was not."""
    from resnet_export.bench.reference import LEAST_MS  # it imports onnx

    may = result.case.scenario.may_have_reference and (result.p50_ms or 0.0) >= LEAST_MS
    on_cpu = result.measured is not None and result.measured.ran.on_cpu
    unused = may and on_cpu and result.relative is None and result.relative_reason is None
    for one in () if result.grade is None else result.grade.advice:
        yield f"{one} {REFERENCE}" if unused and one == QUIET else one


def remedy(advice: str) -> str:
    """A grade's advice as a sentence."""
    return f"Measure it again with {advice}." if advice.startswith("--") else advice


def place(ran: Ran) -> str:
    """Where it ran: the provider with the most nodes, and how many others there are: `CUDA +1`; else the device."""
    if not ran.nodes:
        return ran.device
    most = max(ran.nodes, key=lambda name: ran.nodes[name]).removesuffix("ExecutionProvider")
    return most if len(ran.nodes) == 1 else f"{most} +{len(ran.nodes) - 1}"


def places(ran: Ran) -> str:
    """The nodes on each provider: `CUDA 48, CPU 1`."""
    return ", ".join(f"{name.removesuffix('ExecutionProvider')} {count}" for name, count in ran.nodes.items())


def file_name(path: str) -> str:
    """The last part of a path of any system."""
    return ntpath.basename(path) or path

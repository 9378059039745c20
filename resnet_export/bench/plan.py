"""`Plan`: what to measure and how long, read from a TOML file.

The keys of a table `[[cases]]` are combined as the options of the command are; docs/bench.md has an example.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from resnet_export.bench.case import IO, Case, expand_cases
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenarios import make_scenario
from resnet_export.errors import InputError

EXAMPLE = "See the example in docs/bench.md."
Count = Annotated[int, msgspec.Meta(ge=1)]
Some = msgspec.Meta(min_length=1)


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    cases: tuple[Case, ...]
    budget: Budget
    """For all of them together."""


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """A table `[[cases]]`."""

    models: Annotated[tuple[str, ...], Some]
    """Files, relative to the plan's folder."""
    runtimes: Annotated[tuple[str, ...], Some] | None = None
    batches: Annotated[tuple[Count, ...], Some] | None = None
    threads: Annotated[tuple[Count, ...], Some] | None = None
    io: Annotated[tuple[IO, ...], Some] = ("host",)
    scenario: str = "single"
    callers: Count | None = None
    slo_p99_ms: float | None = None
    gaps_ms: Annotated[tuple[float, ...], Some] | None = None
    allow_fallback: bool = False

    def expand(self, folder: Path) -> tuple[Case, ...]:
        """All combinations."""
        options = {"callers": self.callers, "slo_p99_ms": self.slo_p99_ms, "gaps_ms": self.gaps_ms}
        return expand_cases(
            [folder / model for model in self.models],
            self.runtimes,
            self.batches,
            self.threads or (None,),
            ios=self.io,
            scenarios=[make_scenario(self.scenario, **options)],
            allow_fallback=self.allow_fallback,
        )


class File(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    cases: Annotated[tuple[Table, ...], Some]
    seconds: Annotated[int, msgspec.Meta(ge=5)] = int(DEFAULT.seconds)
    """For all of it; the start of the program and of one process takes two."""


def read_plan(path: Path) -> Plan:
    """Reads a plan.

    Raises:
        InputError: it can't be read, or a key or a value is none that a plan has.
        ResNetExportError: a file or a runtime can't be used, see `case.expand_cases`.
    """
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=File)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"{path} is no plan: {error}.", hint=EXAMPLE) from error
    cases = (case for table in found.cases for case in table.expand(path.parent))
    return Plan(tuple(dict.fromkeys(cases)), Budget(float(found.seconds)))

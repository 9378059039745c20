"""`Plan`: what to measure and how long, read from a TOML file.

What a table `[[cases]]` holds is a product, as the flags of the command are; docs/bench.md has an example.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from resnet_export.bench.case import Boundary, make_plan
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenario import make_scenario
from resnet_export.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from resnet_export.bench.case import Case

LEAST_SECONDS = 5
"""Of a plan: the start of the program and of one process takes two."""


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    cases: tuple[Case, ...]
    budget: Budget
    """For all of them together."""


def read_plan(path: Path, runtimes: tuple[str, ...]) -> Plan:
    """Reads a plan.

    Args:
        path: of a TOML file.
        runtimes: of tables that name none.

    Raises:
        InputError: it can't be read, or a key or a value is none that a plan has.
        ResNetExportError: a file or a runtime can't be used, see `case.make_plan`.
    """
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}.", hint="See the example in docs/bench.md.") from error
    if "budget" in plan:
        raise InputError(f"{path}: there is no budget any more.", hint=f"Write seconds = {DEFAULT.seconds:g} instead.")
    _refuse_unknown(plan, PLAN_KEYS, str(path))
    seconds = _valid(plan, "seconds", DEFAULT.seconds, PLAN_KEYS["seconds"], str(path))
    tables = plan.get("cases")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path} has no cases.", hint="Write a table [[cases]] with models in it.")
    cases = (
        case
        for number, table in enumerate(tables, 1)
        for case in _cases(table, path.parent, runtimes, f"{path}, table {number}")
    )
    return Plan(tuple(dict.fromkeys(cases)), Budget(float(seconds)))


def _cases(table: Mapping[str, Any], folder: Path, runtimes: tuple[str, ...], where: str) -> tuple[Case, ...]:
    """The product of a table."""
    _refuse_unknown(table, CASE_KEYS, where)
    if "models" not in table:
        raise InputError(f"{where}, names no models.", hint='Write models = ["resnet18.onnx"].')
    found = {key: _valid(table, key, None, valid, where) for key, valid in CASE_KEYS.items()}
    scenario = make_scenario(
        found["scenario"] or "single",
        callers=found["callers"],
        slo_p99_ms=found["slo_p99_ms"],
        gaps_ms=tuple(found["gaps_ms"] or ()),
    )
    return make_plan(
        [folder / model for model in found["models"]],
        found["runtimes"] or runtimes,
        found["batches"],
        found["threads"] or (None,),
        boundaries=found["boundaries"] or ("host",),
        scenarios=[scenario],
        allow_fallback=bool(found["allow_fallback"]),
    )


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _list_of(*kinds: type) -> Callable[[Any], bool]:
    one = _is(*kinds)
    return lambda value: isinstance(value, list) and bool(value) and all(map(one, value))


PLAN_KEYS: Mapping[str, Callable[[Any], bool]] = {
    "seconds": lambda value: _is(int)(value) and value >= LEAST_SECONDS,
    "cases": _is(list),
}
CASE_KEYS: Mapping[str, Callable[[Any], bool]] = {
    "models": _list_of(str),
    "runtimes": _list_of(str),
    "batches": _list_of(int),
    "threads": _list_of(int),
    "boundaries": lambda value: _list_of(str)(value) and set(value) <= set(get_args(Boundary)),
    "scenario": _is(str),
    "callers": _is(int),
    "slo_p99_ms": _is(int, float),
    "gaps_ms": _list_of(int, float),
    "allow_fallback": _is(bool),
}
"""Key of a table -> whether a value is of its kind."""


def _refuse_unknown(table: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise InputError(f"{where}, has an unknown key {key!r}.", hint=f"{meant}Known are {', '.join(known)}.")


def _valid(table: Mapping[str, Any], key: str, default: Any, valid: Callable[[Any], bool], where: str) -> Any:
    value = table.get(key, default)
    if key in table and not valid(value):
        raise InputError(f"{where}: {key} = {value!r} cannot be meant so.", hint="See the example in docs/bench.md.")
    return value

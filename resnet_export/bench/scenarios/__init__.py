"""The scenarios: patterns in which a network is called. A new one is one file, and one line here."""

import typing
from typing import Any

import msgspec

from resnet_export.bench.scenarios.concurrent import Concurrent
from resnet_export.bench.scenarios.idle import Idle
from resnet_export.bench.scenarios.offline import Offline
from resnet_export.bench.scenarios.rig import Outcome, Pattern, Rig, Taken
from resnet_export.bench.scenarios.server import Server
from resnet_export.bench.scenarios.single import Single
from resnet_export.errors import UsageError

__all__ = ["SCENARIOS", "Outcome", "Pattern", "Rig", "Scenario", "Taken", "make_scenario"]

Scenario = Single | Offline | Concurrent | Server | Idle
SCENARIOS: dict[str, type[Scenario]] = {str(kind.__struct_config__.tag): kind for kind in typing.get_args(Scenario)}
"""Name -> its class."""


def make_scenario(name: str, **options: Any) -> Scenario:
    """A scenario by its name.

    Args:
        name: such as `server`.
        options: its fields; None for the default.

    Raises:
        UsageError: there is no such scenario, it has no such option, or a value is outside its range.
    """
    if name not in SCENARIOS:
        raise UsageError(f"There is no scenario {name!r}.", hint=f"Known are {', '.join(SCENARIOS)}.")
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in SCENARIOS[name].__struct_fields__:
            owners = [other for other, kind in SCENARIOS.items() if option in kind.__struct_fields__]
            raise UsageError(
                f"{option} belongs to the scenario {' or '.join(owners) or 'of no name'}, not to {name}.",
                hint=f"Leave out {option}.",
            )
    try:
        return msgspec.convert({"name": name, **given}, SCENARIOS[name])
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The scenario {name} has an invalid value: {error}.",
            hint=f"Its options are {', '.join(SCENARIOS[name].__struct_fields__)}.",
        ) from error

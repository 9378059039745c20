"""`Registry`: objects by name, ours in a table of strings and those of third parties by their entry points.

Nothing is imported before it is asked for.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any


@dataclass(frozen=True)
class Registry:
    """What is known by name. A name of ours goes before one of a third party."""

    table: Mapping[str, str]
    """Name -> module:object, in the order that users see."""
    group: str
    """The entry points of third parties."""

    def names(self) -> list[str]:
        """Every name that is known here, ours first."""
        return [*self.table, *sorted(name for name in entry_points(group=self.group).names if name not in self.table)]

    def find(self, name: str) -> Any:
        """The object of that name; None where there is none."""
        if name in self.table:
            return pkgutil.resolve_name(self.table[name])
        return next((point.load() for point in entry_points(group=self.group) if point.name == name), None)

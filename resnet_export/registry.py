"""`Registry`: objects by name, ours in a table of strings and those of third parties by their entry points.

Nothing is imported before it is asked for.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from resnet_export.errors import UsageError, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Registry(Generic[T]):
    """What is known by name. A name of ours goes before one of a third party."""

    what: str
    """What one of them is, for messages."""
    table: Mapping[str, str]
    """Name -> module:object, in the order that users see."""
    group: str
    """The entry points of third parties."""

    def names(self) -> list[str]:
        """Every name that is known here, ours first."""
        return [*self.table, *sorted(name for name in entry_points(group=self.group).names if name not in self.table)]

    def find(self, name: str) -> T:
        """The object of that name.

        Raises:
            UsageError: there is none.
        """
        found: T
        if name in self.table:
            found = pkgutil.resolve_name(self.table[name])
            return found
        for point in entry_points(group=self.group):
            if point.name == name:
                found = point.load()
                return found
        names = self.names()
        hint = f"{did_you_mean(name, names)}Known are {', '.join(names)}."
        raise UsageError(f"There is no {self.what} {name!r}.", hint=hint)

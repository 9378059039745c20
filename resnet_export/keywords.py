"""`keywords_of`: a function of one value becomes a function of that value's fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Options = TypeVar("Options")
Result = TypeVar("Result")


def keywords_of(options: Callable[P, Options]) -> Callable[[Callable[[Options], Result]], Callable[P, Result]]:
    """Lets a function be called with the fields of its options, for type checkers as for `help`."""

    def decorate(function: Callable[[Options], Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*arguments: P.args, **named: P.kwargs) -> Result:
            return function(options(*arguments, **named))

        returned = inspect.signature(function).return_annotation
        vars(call).update(__signature__=inspect.signature(options).replace(return_annotation=returned))
        return call

    return decorate

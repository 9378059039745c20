"""The user's own code -> a live model: `package.module:callable` or `file.py:callable`.

This runs what the user names, as `python -m` would: it is never called with a name that comes out of a file.
"""

import contextlib
import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from resnet_export.convert.remarks import reason
from resnet_export.errors import InputError, UsageError, did_you_mean
from resnet_export.live import framework_of
from resnet_export.live.packages import declare_torchvision_operators

T = TypeVar("T")
FORM = "Write it as package.module:function or as file.py:function."


def load(text: str) -> Any:
    """Imports the user's module, and calls what it names there.

    The code runs in this process with all of its rights. The working directory can be imported from, as with
    `python -m`.

    Args:
        text: `package.module:name` or `file.py:name`, where the name is that of a model, or of a class or function
            that gives one when it is called without arguments. A dot goes into what has the name.

    Returns:
        A torch.nn.Module or a keras.Model.

    Raises:
        UsageError: there is no such module or name, or it can't be called without arguments.
        InputError: the code fails, or gives something else than a model.
    """
    place, colon, name = text.rpartition(":")
    if not (place and colon and name):
        raise UsageError(f"{text!r} does not say what is to be called.", hint=FORM)
    found = _attribute(_module(place), name, text)
    model = found if _is_model(found) else _called(found, text)
    if not _is_model(model):
        raise InputError(
            f"{text} gives an object of type {type(model).__name__}, and no model.",
            hint="Let it return a torch.nn.Module or a keras.Model.",
        )
    return model


def _is_model(found: Any) -> bool:
    return not isinstance(found, type) and framework_of(found) is not None


def _module(place: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if place.endswith(".py"):
        return _from_file(Path(place))
    try:
        return _imported(place, lambda: importlib.import_module(place))
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{place}.".startswith(f"{cause.name}."):
            raise UsageError(
                f"There is no module {cause.name}: it is neither in this folder nor installed.",
                hint=f"Change into the folder that holds it. {FORM}",
            ) from error
        raise


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"There is no file {path}.", hint=f"Check the path. {FORM}")
    # Its neighbours can be imported, as when Python runs it.
    sys.path.insert(0, str(path.resolve().parent))
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_of_the_user"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # no loader takes the suffix .py: not seen, but its type allows it
        raise UsageError(f"Python can't import {path}.", hint=FORM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    _imported(str(path), functools.partial(spec.loader.exec_module, module))
    return module


def _imported(place: str, run: Callable[[], T]) -> T:
    """What an import gives, also where it imports torchvision, and its operators don't fit the torch that is here."""
    with _user_code(f"Importing {place}"):
        try:
            return run()
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
            declare_torchvision_operators()
            return run()


def _attribute(module: ModuleType, name: str, text: str) -> Any:
    try:
        return functools.reduce(getattr, name.split("."), module)
    except AttributeError as error:
        names = [known for known in vars(module) if not known.startswith("_")]
        raise UsageError(
            f"{text.rpartition(':')[0]} has no {name!r}.",
            hint=f"{did_you_mean(name, names)}Name a function, class or model of that module.",
        ) from error


def _called(found: Any, text: str) -> Any:
    if not callable(found):
        raise UsageError(
            f"{text} is an object of type {type(found).__name__}, which can't be called.",
            hint="Name a function or class that gives the model, or the model itself.",
        )
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise UsageError(
            f"{text} can't be called without arguments: {error}.",
            hint="Write a function without arguments that calls it and returns the model, and name that.",
        ) from error
    except ValueError:  # a callable without a signature, of C
        pass
    with _user_code(f"Calling {text}"):
        return found()


@contextlib.contextmanager
def _user_code(what: str) -> Iterator[None]:
    """What the user's code raises, as an `InputError` with the last line that ran."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a script that parses its arguments raises SystemExit
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}" + (f": {last.line}" if last.line else "")
        raise InputError(
            f"{what} failed: {reason(error)} ({where}).", hint="Try it alone with Python, and correct it there."
        ) from error

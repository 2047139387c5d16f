"""What packages bring along and a flight never uses is not loaded: it would take more memory than what is used of them.

Each of them is loaded as a whole wherever something does ask for it later.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

HTTPX_COMMAND_LINE = "httpx._main"


def load(name: str) -> None:
    """Import a package by itself."""
    if name == "httpx":
        # Where click is installed, httpx loads a command line of its own with it: five megabytes for nothing.
        sys.modules.setdefault(HTTPX_COMMAND_LINE, None)  # type: ignore[arg-type]  # None says: cannot be imported
    if name.partition(".")[0] == "kubernetes":
        _kubernetes(name)
    else:
        importlib.import_module(name)


def _kubernetes(name: str) -> None:
    """Kubernetes' client without pydantic: its models are made with it, and here objects are read as they are.

    Beside the models it is needed for one class of answers of the generated methods, whose checks are left out then.
    """
    if "kubernetes" in sys.modules or "pydantic" in sys.modules:
        importlib.import_module(name)
        return
    sys.modules["pydantic"] = _stand_in()
    try:
        importlib.import_module(name)
    except (ImportError, AttributeError, TypeError):  # another version of the client asks for more
        del sys.modules["pydantic"]
        for each in [each for each in sys.modules if each.partition(".")[0] == "kubernetes"]:
            del sys.modules[each]
        importlib.import_module(name)
    else:
        del sys.modules["pydantic"]


class _Record:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class _Never:
    """What no value is an instance of."""


def _stand_in() -> ModuleType:
    made: Any = ModuleType("pydantic")
    made.BaseModel, made.SecretStr, made.StrictInt, made.StrictBytes = _Record, _Never, int, bytes
    made.Field = lambda default=None, **_: default
    return made  # type: ignore[no-any-return]  # a ModuleType, to which any attribute may be given

"""What a worker leaves out of its memory: code that libraries load for uses which it has not.

A worker of nothing else is a third smaller (decision 0032). Nothing is taken away: whoever asks for
what was left out gets it loaded then.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

_LAZY = (
    "uvicorn",  # its command line
    "sqlalchemy.ext.asyncio",  # the object-relational mapper
    "html",  # the names of characters
    "msgspec",  # other formats, and schemas
    "prometheus_client",  # a web server of its own
)
"""Packages whose `__init__` loads more than what is used of them."""

_FOUND = {
    ("uvicorn", "Config"): "uvicorn.config",
}
"""Names of such packages that serving asks for, and the modules that they are from."""

_ABSENT = (
    "rich",  # structlog would draw tracebacks with it
    "pydantic.v1",  # FastAPI would look whether a model is of that kind
)
"""Modules that libraries use if they are there, and do without if not."""


def leave_out() -> None:
    """Have what follows load no more than it needs."""
    for name in _LAZY:
        if name not in sys.modules:
            _open(name)
    for name in _ABSENT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # so says Python's manual


def _open(name: str) -> None:
    """Let a package's modules be imported; its `__init__` runs when it is asked for a name."""
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name=name)
    package, loader = module_from_spec(spec), spec.loader

    def load(attribute: str) -> Any:
        if module := _FOUND.get((name, attribute)):
            return getattr(import_module(module), attribute)
        if attribute.startswith("__") or find_spec(f"{name}.{attribute}"):
            raise AttributeError(attribute)  # a module of its own is found without us
        del package.__getattr__
        loader.exec_module(package)
        return getattr(package, attribute)

    package.__getattr__ = load  # type: ignore[method-assign] # as PEP 562 has it
    sys.modules[name] = package

"""Puts the dashboard into the wheel. An editable install leaves that to make."""

import importlib
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Page(BuildHookInterface[Any]):
    """Builds the page before the files of the wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page; `version` tells which kind of wheel is asked for."""
        del build_data
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "web"))
        importlib.import_module("build").build()  # it lies beside this file, not on the path

"""Jira issues with their changelog, as its REST API returns them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.connectors.instants import EXPECTED, Instants, NotAnInstantError
from app.connectors.item_types import ItemTypes
from app.connectors.json_text import JsonProblemError, parse
from app.connectors.moves import Move, Settled, settle
from app.connectors.reading import Reading, ReadOptions, Tally, storable_title
from app.connectors.stage_names import StageNames
from app.connectors.tables import decode
from app.connectors.texts import MAX_KEY, bounded, clean, normal, shown
from app.domain.errors import Place
from app.domain.value_stream import Category, Stage, ValueStream
from app.domain.work_item import ItemHistory

"""Which columns of a stage-date table say when an item entered which stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.connectors import columns
from app.connectors.columns import KEY, TITLE, TYPE, Field
from app.connectors.instants import Instants
from app.connectors.reading import Reading, ReadOptions, Tally
from app.connectors.stage_names import Special, StageNames
from app.connectors.tables import Table
from app.connectors.texts import shown
from app.domain.errors import Place, UnknownStage
from app.domain.value_stream import Category, Stage, ValueStream, Zone

CREATED = Field("created", ("created date", "created", "created at", "creation date"))
STARTED = Field(
    "started",
    (
        *("started date", "activated date", "start", "started", "start date", "started at"),
        *("activated", "in progress date", "begin", "start time"),
    ),
    required=True,
)
FINISHED = Field(
    "finished",
    (
        *("closed date", "done", "finished", "finish", "finished date", "finish date"),
        *("done date", "closed", "closed at", "finished at", "completed", "completed date"),
        *("completed at", "resolved", "resolved date", "resolution date", "end", "end date"),
    ),
    required=True,
)
CANCELLED = Field(
    "cancelled", ("cancelled date", "cancelled", "canceled date", "canceled", "cancelled at")
)
STATE = Field("state", ("state", "status"))
FIELDS = (KEY, TITLE, TYPE, CREATED, STARTED, FINISHED, CANCELLED, STATE)
NAMES = tuple(each.name for each in FIELDS)


@dataclass(frozen=True, slots=True)
class Source:
    """A field whose dates say when an item entered a stage."""

    field: str
    stage: Stage


@dataclass(slots=True)
class StageColumns:
    """Where each field stands, and which fields date which stage, in stage order."""

    positions: dict[str, int]
    sources: list[Source] = field(default_factory=list)


def resolve(
    table: Table, stream: ValueStream, names: StageNames, options: ReadOptions, reading: Reading
) -> StageColumns | None:
    """Find the columns; None, with problems, where the table cannot tell when work flowed.

    The surest first: columns the user states, headers the mapping names, headers that are stages,
    fields of the item, and at last headers that usually mean a stage and stand over dates.
    """
    header = table.header
    stated, problems = _stated(stream, options.columns)
    mapped = dict(_mapped(header, names, set(stated.values())))
    dated = [(at, found) for at, found in mapped.items() if isinstance(found, Stage)]
    stage_fields = [
        Field(stage.name, (stage.name, f"{stage.name} date", f"entered {stage.name}"))
        for stage in stream.stages
        if stage.name in stated or all(stage != other for _, other in dated)
    ]
    positions, wrong = columns.find(header, [*stage_fields, *FIELDS], stated, mapped)
    problems += wrong
    dated += [
        (positions.pop(each.name), stream.stage(each.name))
        for each in stage_fields
        if each.name in positions
    ]
    for at, found in mapped.items():
        if found is Special.CANCELLED:
            positions.setdefault(CANCELLED.name, at)
    used = {*positions.values(), *mapped, *(at for at, _ in dated)}
    dated += _likely(table, names, used, options)
    found_columns = _sources(stream, positions, dated)
    _note_shared(header, stream, found_columns, reading)
    for at, stage in dated:
        reading.mapping[header[at]] = stage.name
    zones = {stream.zone(source.stage) for source in found_columns.sources}
    lacking = [
        each for each, zone in ((STARTED, Zone.DOING), (FINISHED, Zone.DONE)) if zone not in zones
    ]
    problems += columns.missing([KEY, *lacking], positions, header)
    for message in problems:
        reading.problem(Place(table.file, 1), message)
    return None if problems else found_columns


def _stated(stream: ValueStream, stated: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what the user states, by field or by the stage's own name, and what is neither."""
    known: dict[str, str] = {}
    unknown = []
    for name, text in stated.items():
        try:
            known[name if name in NAMES else stream.stage(name).name] = text
        except UnknownStage:
            unknown.append(name)
    stages = [stage.name for stage in stream.stages]
    return known, columns.unknown(unknown, [*NAMES, *stages])


def _mapped(
    header: list[str], names: StageNames, stated: set[str]
) -> Iterator[tuple[int, Stage | Special]]:
    """Yield each column whose header the mapping names."""
    for at, text in enumerate(header):
        meaning = names.stated(text) if text not in stated else None
        if meaning is not None:
            yield at, meaning


def _likely(
    table: Table, names: StageNames, used: set[int], options: ReadOptions
) -> Iterator[tuple[int, Stage]]:
    """Yield each other column whose header usually means a stage and that begins with a date.

    The date matters: under `Release` or `Review` there may be a version or a name.
    """
    instants = Instants(options, Tally())
    for at, text in enumerate(table.header):
        meaning = names.synonym(text) if at not in used else None
        if isinstance(meaning, Stage):
            cells = (cells[0] for _, cells in table.select([at], Reading()) if cells[0])
            if instants.recognises(next(cells, "")):
                yield at, meaning


def _sources(
    stream: ValueStream,
    positions: dict[str, int],
    dated: list[tuple[int, Stage]],
) -> StageColumns:
    """Name each stage's columns, and let creation, start and finish stand for their stages."""
    active = next(stage for stage in stream.stages if stage.category is Category.ACTIVE)
    done = next(stage for stage in stream.stages if stage.category is Category.DONE)
    sources = [
        Source(each.name, stage)
        for each, stage in ((STARTED, active), (FINISHED, done))
        if each.name in positions
    ]
    for at, stage in dated:
        name = stage.name if stage.name not in positions else f"{stage.name} ({at + 1})"
        positions[name] = at
        sources.append(Source(name, stage))
    if CREATED.name in positions and all(each.stage != stream.first_stage for each in sources):
        sources.append(Source(CREATED.name, stream.first_stage))
    sources.sort(key=lambda source: source.stage.order)
    return StageColumns(positions, sources)


def _note_shared(
    header: list[str], stream: ValueStream, found: StageColumns, reading: Reading
) -> None:
    """Tell where several columns date one stage."""
    for stage in stream.stages:
        at = [found.positions[each.field] for each in found.sources if each.stage == stage]
        if len(at) > 1:
            names = " and ".join(shown(header[position]) for position in sorted(at))
            reading.notes.append(f"columns {names} date {stage.name}: the earliest date counts")

"""Put definitions of value streams in force: all of them or none, and nothing twice."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from app.domain.errors import InvalidStream, InvalidValue, StageInUse, StageProblem, UnknownStream
from app.domain.instants import EARLIEST
from app.domain.news import NewsKind
from app.domain.stream_changes import Change, ChangeKind, StageFates, StreamDifference, difference
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import ValueStream
from app.store import clocks, configuration, definition_locks, news, transitions, value_streams
from app.store.database import Connection
from app.telemetry import BUCKET_HOURS
from app.usecases.rebuild import rebuild


@dataclass(frozen=True, slots=True)
class AppliedStream:
    """What was changed in one stream; `stream` is what is in force now."""

    stream: ValueStream
    created: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed; streams of which nothing was to be changed have no changes."""

    streams: tuple[AppliedStream, ...]

    @property
    def changed(self) -> bool:
        """Tell whether anything was changed at all."""
        return any(each.changes for each in self.streams)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Definitions beside what is in force: None for a stream that is new. Nobody changes either.

    `now` was read after the locks were taken.
    """

    pairs: tuple[tuple[ValueStream | None, StreamDefinition], ...]
    now: datetime
    effective_from: datetime


async def apply(
    connection: Connection,
    definitions: Sequence[StreamDefinition],
    now: datetime | None = None,
    effective_from: datetime | None = None,
) -> Applied:
    """Make streams what their definitions say; streams that are not named stay as they are.

    New WIP limits count from `effective_from` (unsaid: now); all else is how history is read from
    now on. The caller commits. Applying the same again changes nothing. Raises InvalidStream,
    InvalidValue (effective_from), StageInUse.

    Where days are cut anew, all roll-ups are made here, since no old one can stand in for a new
    one. Otherwise the job makes them anew, and readers see the old ones, called stale, meanwhile.
    """
    applied = await put_in_force(
        connection, await prepare(connection, definitions, now, effective_from)
    )
    for each in applied.streams:
        if not each.created and any(c.kind is ChangeKind.TIME_ZONE for c in each.changes):
            await rebuild(connection, each.stream.id, BUCKET_HOURS)
    return applied


async def prepare(
    connection: Connection,
    definitions: Sequence[StreamDefinition],
    now: datetime | None = None,
    effective_from: datetime | None = None,
) -> Prepared:
    """Lock and read what the definitions are about. Raises InvalidStream and InvalidValue."""
    await definition_locks.take_turn(connection)
    default = await value_streams.load(connection)
    named = _with_default(definitions, default)
    known = [await _known(connection, each.stream.key) for each in named]
    for stream_id in sorted(each.id for each in known if each is not None):
        await definition_locks.own(connection, stream_id)
    read = now or await transitions.clock(connection)
    if effective_from is not None and not EARLIEST <= effective_from <= read:
        raise InvalidValue("effective_from", f"expected an instant from 1970 to {read.isoformat()}")
    return Prepared(tuple(zip(known, named, strict=True)), read, effective_from or read)


async def put_in_force(connection: Connection, prepared: Prepared) -> Applied:
    """Change what is different, without the roll-ups. Raises StageInUse."""
    return Applied(
        tuple(
            [
                await _create(connection, definition, prepared)
                if current is None
                else await _change(connection, current, definition, prepared)
                for current, definition in prepared.pairs
            ]
        )
    )


def _with_default(
    definitions: Sequence[StreamDefinition], default: ValueStream
) -> list[StreamDefinition]:
    """Return the definitions, the default stream's last, so that there is never a second one.

    A default stream that is not named hands over to the one that is to be it.
    """
    keys = [each.stream.key for each in definitions]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise InvalidStream(f"stream {repeated[0]!r} is described twice")
    chosen = [each.stream.key for each in definitions if each.stream.is_default]
    if len(chosen) > 1:
        raise InvalidStream(f"only one stream can be the default: {', '.join(chosen)}")
    if not chosen and default.key in keys:
        raise InvalidStream(
            f"stream {default.key!r} is the default and there has to be one: say so of it, or of "
            "another stream"
        )
    named = list(definitions)
    if chosen and default.key not in keys:
        named.append(StreamDefinition(replace(default, is_default=False)))
    return sorted(named, key=lambda each: each.stream.is_default)


async def _known(connection: Connection, key: str) -> ValueStream | None:
    try:
        return await value_streams.load(connection, key)
    except UnknownStream:
        return None


async def _create(
    connection: Connection, definition: StreamDefinition, prepared: Prepared
) -> AppliedStream:
    wanted = definition.stream
    await configuration.add_stream(connection, wanted)
    stream = await value_streams.load(connection, wanted.key)
    names = [stage.name for stage in wanted.stages]
    change = Change(ChangeKind.STREAM_CREATED, None, None, names)
    return await _noted(connection, stream, (change,), prepared, created=True)


async def _change(
    connection: Connection, current: ValueStream, definition: StreamDefinition, prepared: Prepared
) -> AppliedStream:
    """Make one stream what its definition says."""
    found = difference(current, definition)
    if not found.changes:
        return AppliedStream(current, created=False, changes=())
    await _refuse_removals(connection, current, found.fates)
    wanted = definition.stream
    await configuration.set_stream(connection, current, wanted)
    if found.touches_stages or ChangeKind.MOVE_RULES in found.kinds:
        await _change_stages(connection, current, wanted, found, prepared)
    if found.reinterprets:
        await configuration.bump_version(connection, current)
    stream = await value_streams.load(connection, wanted.key)
    return await _noted(connection, stream, found.changes, prepared, created=False)


async def _refuse_removals(connection: Connection, current: ValueStream, fates: StageFates) -> None:
    """Raise StageInUse for stages that would leave items or moves without a stage."""
    uses = await configuration.uses(connection, [stage.id for stage in fates.removed])
    used = [
        StageProblem(current.key, stage.name, uses[stage.id].items, uses[stage.id].moves)
        for stage in fates.removed
        if uses[stage.id].items or uses[stage.id].moves
    ]
    if used:
        raise StageInUse(used)


async def _change_stages(
    connection: Connection,
    current: ValueStream,
    wanted: ValueStream,
    found: StreamDifference,
    prepared: Prepared,
) -> None:
    """Store the stages, and let the log and the facts follow from them."""
    fates = found.fates
    ids = await configuration.arrange_stages(connection, current, wanted, fates, prepared.now)
    limited = [new for old, new in fates.kept if old.wip_limit != new.wip_limit]
    limited += [new for new in fates.added if new.wip_limit is not None]
    await configuration.set_limits(connection, limited, ids, prepared.effective_from)
    into = {old.id: ids[new.name] for old, new in fates.merged}
    touched = await configuration.merge(connection, current.id, into) if into else []
    if found.rezones:
        async for batch in configuration.item_ids(connection, current.id):
            await transitions.derive_facts(connection, batch)
        return
    for begin in range(0, len(touched), configuration.BATCH):
        await transitions.derive_facts(connection, touched[begin : begin + configuration.BATCH])


async def _noted(
    connection: Connection,
    stream: ValueStream,
    changes: tuple[Change, ...],
    prepared: Prepared,
    *,
    created: bool,
) -> AppliedStream:
    """Wind the stream's clock where it goes differently now, and keep what was applied."""
    from app.connectors import stream_file  # noqa: PLC0415 - a worker rarely needs it

    kinds = {change.kind for change in changes}
    if created or kinds & {ChangeKind.TIME_ZONE, ChangeKind.WORKING_TIME}:
        await clocks.fill(connection, stream)
    await configuration.add_version(
        connection,
        stream,
        prepared.now,
        prepared.effective_from,
        stream_file.plain([StreamDefinition(stream)])["value_streams"][0],
        [asdict(change) for change in changes],
    )
    await news.note(connection, NewsKind.STREAM_CHANGED, stream.id)
    return AppliedStream(stream, created, changes)

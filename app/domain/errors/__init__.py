"""Everything that can be wrong with a request, without a word of HTTP.

    VsmError
    ├── Invalid                       the caller's values cannot be right
    │   ├── InvalidValue              one field: name, what came, what was expected
    │   ├── InvalidStream             a value stream whose metrics could not be defined
    │   ├── InvalidImport             a file with problems, each with its place
    │   ├── InvalidStreamFile         a value stream file with problems, each with its place
    │   └── InvalidBatch              a batch with problems, each with its index
    ├── NotFound
    │   ├── UnknownItem
    │   ├── UnknownTransition
    │   ├── UnknownBlock
    │   ├── UnknownStage
    │   └── UnknownStream
    ├── Conflict                      right in itself, but not in the present state
    │   ├── ItemCancelled
    │   ├── ItemNotCancelled
    │   ├── CancelBeforeLastMove
    │   ├── TransitionVoided
    │   ├── BlockEnded
    │   ├── BlockVoided
    │   ├── DuplicateItem
    │   ├── EventIdReused
    │   ├── StreamNotEmpty
    │   ├── RuleBroken                an enforced rule of the stream stands against it
    │   │   ├── WipLimitReached
    │   │   ├── MoveNotAllowed
    │   │   └── ReasonNeeded
    │   └── StageInUse                a definition would leave items or moves without a stage
    ├── PreconditionFailed            the caller's view of the item is out of date
    ├── IdempotencyKeyReused          same key, another request
    ├── TooLarge                      more than is accepted at once
    └── Unavailable                   try again later
        ├── DatabaseUnavailable
        │   ├── DatabaseBusy
        │   └── OutcomeUnknown    lost during the commit: it may be written, or not
        ├── SchemaOutdated
        ├── Overloaded            more requests are waiting than are taken on
        ├── ClockNotReady         a working clock that does not reach so far yet
        ├── TooManyWatchers       as many watch for moves as a process serves
        └── EmbeddedDatabaseError

The first line of a class's docstring is the title that callers see; `type_name` is stable.
"""

from app.domain.errors.base import (
    VsmError,
)
from app.domain.errors.conflicts import (
    BlockEnded,
    BlockVoided,
    CancelBeforeLastMove,
    Conflict,
    DuplicateItem,
    EventIdReused,
    IdempotencyKeyReused,
    ItemCancelled,
    ItemNotCancelled,
    MoveNotAllowed,
    PreconditionFailed,
    ReasonNeeded,
    RuleBroken,
    StageInUse,
    StageProblem,
    StreamNotEmpty,
    TooLarge,
    TransitionVoided,
    WipLimitReached,
)
from app.domain.errors.invalid import (
    BatchProblem,
    FileProblem,
    Invalid,
    InvalidBatch,
    InvalidImport,
    InvalidStream,
    InvalidStreamFile,
    InvalidValue,
    Place,
)
from app.domain.errors.missing import (
    NotFound,
    UnknownBlock,
    UnknownItem,
    UnknownStage,
    UnknownStream,
    UnknownTransition,
)
from app.domain.errors.unavailable import (
    ClockNotReady,
    DatabaseBusy,
    DatabaseUnavailable,
    EmbeddedDatabaseError,
    OutcomeUnknown,
    Overloaded,
    SchemaOutdated,
    TooManyWatchers,
    Unavailable,
)

__all__ = [
    "BatchProblem",
    "BlockEnded",
    "BlockVoided",
    "CancelBeforeLastMove",
    "ClockNotReady",
    "Conflict",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "DuplicateItem",
    "EmbeddedDatabaseError",
    "EventIdReused",
    "FileProblem",
    "IdempotencyKeyReused",
    "Invalid",
    "InvalidBatch",
    "InvalidImport",
    "InvalidStream",
    "InvalidStreamFile",
    "InvalidValue",
    "ItemCancelled",
    "ItemNotCancelled",
    "MoveNotAllowed",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "Place",
    "PreconditionFailed",
    "ReasonNeeded",
    "RuleBroken",
    "SchemaOutdated",
    "StageInUse",
    "StageProblem",
    "StreamNotEmpty",
    "TooLarge",
    "TooManyWatchers",
    "TransitionVoided",
    "Unavailable",
    "UnknownBlock",
    "UnknownItem",
    "UnknownStage",
    "UnknownStream",
    "UnknownTransition",
    "VsmError",
    "WipLimitReached",
]

"""The tables of a log: what is recorded of a training run, column by column.

A log is a directory with a folder of Parquet segments for each table and one JSON file for each
session. What writes, reads and computes them takes names and types from here. NaN stands for what
is not known; a column that is left out when rows are written is not known either.
"""

from typing import Literal, TypeAlias

import msgspec
import pyarrow as pa

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import CLASSES_MAX, LOG_SESSION_MAX_BYTES, LOG_UNITS_MAX

DIRECTORY = "snapshot_log"
"""Of a recorded log, in the directory of its run."""
SESSIONS = "sessions"
"""The folder of sessions' files in a log."""
STEP_END = 10**12
"""Steps, and seconds, have up to twelve digits."""
Origin: TypeAlias = Literal["recorded", "derived"]
KINDS = ("weight", "update", "gradient", "moment1", "moment2")
"""Of rows of `layers`. An update is of what an optimizer trains, though weights are all."""
MOVING = "moving"
"""The kind of one more row of layers that have moving means and variances: their changes."""
EVENT_KINDS = ("snapshot", "anomaly", "lost", "resumed", "nan", "probe")
COUNTS = ("count", "nan", "inf", "zeros")
STATISTICS = ("sum", "l1", "l2", "mean", "variance", "minimum", "q1", "median", "q3", "maximum")
"""Of `layers`: over finite values; l1 and l2 are not divided by the count, the variance is the
population's, quartiles are NumPy's default."""
MEASURES = (
    "cosine",
    "euclidean",
    "manhattan",
    "relative_l1",
    "relative_l2",
    "w_l2",
    "w_std",
    "g_l1",
    "g_l2",
    "g_relative_l1",
    "g_relative_l2",
)
"""Of `filters`. The cosine is that of the weights before and after: 1 where both are 0, NaN where
one is."""
BAND_EDGES: tuple[float, ...] = (
    0.0,
    *(digit / 10**decade for decade in range(6, 0, -1) for digit in range(1, 10)),
    1.0,
)
"""Of |x / w|, ascending: band 0 is exactly 0, band k is (edge k-1, edge k], the last is above 1."""
BANDS = len(BAND_EDGES) + 1

_NAME = pa.dictionary(pa.int32(), pa.string())


def _schema(*fields: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in fields])


TABLES: dict[str, pa.Schema] = {
    "scalars": _schema(
        ("step", pa.int64()), ("time", pa.float64()), ("name", _NAME), ("value", pa.float64())
    ),
    "layers": _schema(
        ("step", pa.int64()),
        ("unit", _NAME),
        ("kind", _NAME),
        *((name, pa.int64()) for name in COUNTS),
        *((name, pa.float64()) for name in STATISTICS),
        ("bands", pa.list_(pa.field("element", pa.int64()))),
        ("dead", pa.int32()),
        ("still", pa.int64()),
    ),
    "filters": _schema(
        ("step", pa.int64()),
        ("layer", _NAME),
        ("filter", pa.int32()),
        ("cosine", pa.float64()),
        *((name, pa.float32()) for name in MEASURES[1:]),
    ),
    "images": _schema(
        ("step", pa.int64()),
        ("image", pa.int32()),
        ("predicted", pa.int32()),
        ("probability", pa.float32()),
    ),
    "thumbnails": _schema(
        ("image", pa.int32()), ("width", pa.int16()), ("height", pa.int16()), ("png", pa.binary())
    ),
    "events": _schema(
        ("step", pa.int64()),
        ("time", pa.float64()),
        ("kind", _NAME),
        ("text", pa.string()),
        ("detail", pa.string()),
    ),
}
"""By name. Times are Unix seconds. `cosine` is float64, since float32 has but eight numbers between
1 - 5e-7, which small updates reach, and 1; segments hold 1 - cosine as float32. `probability`, of
the true class, is kept to 12 significant bits (2^-12, relative)."""
COSINE_DISTANCE = "cosine_distance"
"""What a segment holds in place of the cosine: 1 - cosine, as float32."""
STORED: dict[str, pa.Schema] = {
    table: pa.schema(
        pa.field(COSINE_DISTANCE, pa.float32()) if field.name == "cosine" else field
        for field in schema
    )
    for table, schema in TABLES.items()
}
"""The columns of segments, which are those of the tables but for the cosine."""


class Unit(msgspec.Struct, frozen=True):
    """A node of the network's hierarchy; `path` of the whole model is empty.

    A unit without units below it is a layer, by its name in `architecture`. `filters` and
    `parameters` are counts, `order` is its place when units are listed from input to output.
    """

    path: str
    parent: str | None
    kind: str
    filters: int
    parameters: int
    order: int


class Probe(msgspec.Struct, frozen=True):
    """The images of the validation passes: their names, true classes or -1, and classes' names."""

    images: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One life of one writer.

    `started` is in Unix seconds. Rows at `first_step` and later that others wrote before it started
    do not count any more, in the tables that this session writes. `writer` is "name version",
    `every` the steps between dumps, None where there is no fixed number.
    """

    id: str
    started: float
    first_step: int
    origin: Origin
    writer: str
    units: tuple[Unit, ...] = ()
    probe: Probe | None = None
    every: int | None = None


class DamagedSessionError(UnreadableSnapshotError):
    """A session's file is no such file, or claims more than there can be."""


def encode_session(session: Session) -> bytes:
    """A session's file."""
    return msgspec.json.format(msgspec.json.encode(session), indent=1)


def decode_session(document: bytes) -> Session:
    """The session of a file.

    Raises:
      DamagedSessionError: it is not one.
    """
    if len(document) > LOG_SESSION_MAX_BYTES:
        raise DamagedSessionError(
            f"A session's file has {len(document)} bytes; at most {LOG_SESSION_MAX_BYTES} are read."
        )
    try:
        session = msgspec.json.decode(document, type=Session)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedSessionError(f"A session's file is damaged: {error}.") from error
    probe = session.probe
    if not 0 <= session.first_step < STEP_END or not 0 <= session.started < STEP_END:
        raise DamagedSessionError(
            f"A session starts at {session.started} with step {session.first_step}: that is none."
        )
    if len(session.units) > LOG_UNITS_MAX:
        raise DamagedSessionError(
            f"A session names {len(session.units)} units; at most {LOG_UNITS_MAX} are read."
        )
    if probe is not None and len(probe.images) != len(probe.labels):
        raise DamagedSessionError(
            f"A session names {len(probe.images)} probe images and {len(probe.labels)} labels."
        )
    classes = () if probe is None else probe.labels
    if not all(-1 <= label < CLASSES_MAX for label in classes):
        raise DamagedSessionError(
            f"A session has classes {min(classes)} to {max(classes)}; -1 to {CLASSES_MAX - 1} are "
            "read."
        )
    return session

"""What lies in a log, kept up to date: sessions, sound segments, and what of them counts."""

import itertools
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np

from tb_snapshot_compare.limits import (
    LOG_FOOTERS_MAX_BYTES,
    LOG_GRIDS_MAX,
    LOG_PROBLEMS_MAX,
    LOG_SEGMENTS_MAX,
    LOG_SESSION_MAX_BYTES,
    LOG_SESSIONS_MAX,
    LOG_SESSIONS_MAX_BYTES,
    LOG_STEPS_MAX,
)
from tb_snapshot_compare.store.log_hiding import Part, counting
from tb_snapshot_compare.store.log_rows import SegmentRows, load
from tb_snapshot_compare.store.log_segments import (
    DamagedSegmentError,
    Segment,
    SegmentName,
    Steps,
)
from tb_snapshot_compare.store.log_tables import (
    SESSIONS,
    TABLES,
    DamagedSessionError,
    Probe,
    Session,
    decode_session,
)

_SETTLED_NS = 2_000_000_000
"""On any file system a directory's time of change tells the next change apart once it is so old."""
_TRIES = 8
_SESSIONS_LISTED = 100_000
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of a log that is left out, and a sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A part of a table that counts, and its rows."""

    part: Part
    rows: SegmentRows

    @property
    def segment(self) -> Segment:
        """That of the part."""
        return self.part.segment


@dataclass(frozen=True, slots=True, eq=False)
class TableState:
    """What counts of a table, and its steps, ascending.

    Where `repeats`, steps were written more than once, and of two rows that of the later source
    counts.
    """

    sources: tuple[Source, ...] = ()
    steps: Steps = field(default_factory=lambda: np.zeros(0, np.int64))
    repeats: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A log at one time. `version` is a short text that changes with everything else."""

    version: str = ""
    sessions: tuple[Session, ...] = ()
    tables: Mapping[str, TableState] = field(
        default_factory=lambda: dict.fromkeys(TABLES, TableState())
    )
    problems: tuple[Problem, ...] = ()


class Listing:
    """Keeps the state of a log up to date. Not thread-safe, unlike its states."""

    def __init__(self, directory: Path) -> None:
        """Nothing is read yet."""
        self.state = State()
        self._budget = _Budget([])
        self._directory = directory
        self._folders = {table: _Folder(directory / table) for table in TABLES}
        self._sound: dict[str, dict[str, Source]] = {table: {} for table in TABLES}
        self._damaged: dict[str, dict[str, str]] = {table: {} for table in TABLES}
        self._unread: dict[str, dict[str, str]] = {table: {} for table in TABLES}
        """What may be read the next time."""
        self._sessions: dict[str, tuple[tuple[int, ...], Session | str]] = {}
        """By file name, of a stamp: the session, or what is wrong with the file."""
        self._sessions_left = 0
        """The oldest ones, which are too many."""

    def refresh(self) -> bool:
        """Looks for what is new; whether anything has changed."""
        changed = {table for table in TABLES if self._list_table(table)}
        if self._list_sessions():
            changed = set(TABLES)
        if not changed:
            return False
        return self._make(changed)

    def leave_out(self, error: DamagedSegmentError) -> None:
        """Counts a segment no longer: when its rows were read, they were not what was written."""
        for table in TABLES:
            if self._sound[table].pop(error.name, None) is not None:
                self._damaged[table][error.name] = error.reason
                self._make({table})

    def _list_table(self, table: str) -> bool:
        folder, sound = self._folders[table], self._sound[table]
        damaged, unread = self._damaged[table], self._unread[table]
        before = (len(unread), len(damaged))
        changed = False
        for _ in range(_TRIES):
            names = folder.names()
            for known in (sound, damaged, unread):
                for text in known.keys() - names:
                    del known[text]
                    changed = True
            new = sorted(names - sound.keys() - damaged.keys())
            if new:
                self._budget = _Budget(
                    [source.segment for each in self._sound.values() for source in each.values()]
                )
            vanished = sum([not self._load(table, text) for text in new])
            changed |= len(new) > len(unread)
            if not vanished:
                break
            folder.forget()
        return changed or before != (len(unread), len(damaged))

    def _load(self, table: str, text: str) -> bool:
        """Reads a footer; False when the file has vanished."""
        name = SegmentName.parse(text)
        assert name is not None
        path = self._directory / table / text
        self._unread[table].pop(text, None)
        try:
            segment = load(path, table, name)
            self._budget.take(segment)
        except FileNotFoundError:
            return False
        except DamagedSegmentError as error:
            self._damaged[table][text] = error.reason
        except OSError as error:
            self._unread[table][text] = f"it cannot be read ({error.strerror})"
        else:
            self._sound[table][text] = Source(Part(segment), SegmentRows(path, segment))
        return True

    def _list_sessions(self) -> bool:
        found: dict[str, tuple[tuple[int, ...], Session | str]] = {}
        size = 0
        listed = self._listed_sessions()
        for _, name, stamp in sorted(listed, reverse=True):
            size += stamp[1]
            if len(found) >= LOG_SESSIONS_MAX or size > LOG_SESSIONS_MAX_BYTES:
                break
            known = self._sessions.get(name)
            if known is None or known[0] != stamp:
                known = (stamp, _session(self._directory / SESSIONS / name))
            found[name] = known
        left = len(listed) - len(found)
        changed = found != self._sessions or left != self._sessions_left
        self._sessions, self._sessions_left = found, left
        return changed

    def _listed_sessions(self) -> list[tuple[int, str, tuple[int, int, int]]]:
        """When each session's file was changed, its name, and its stamp."""
        listed = []
        with suppress(OSError), os.scandir(self._directory / SESSIONS) as entries:
            for entry in itertools.islice(entries, _SESSIONS_LISTED):
                if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        status = entry.stat()
                        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
                        listed.append((status.st_mtime_ns, entry.name, stamp))
        return listed

    def _make(self, tables: set[str]) -> bool:
        """Makes the state of these tables anew; whether it is another one."""
        problems: list[Problem] = []
        sessions = []
        for name, (_, session) in self._sessions.items():
            if isinstance(session, Session):
                sessions.append(session)
            else:
                problems.append(Problem(f"{SESSIONS}/{name}", session))
        sessions.sort(key=lambda session: (session.started, session.id))
        if self._sessions_left:
            reason = (
                f"{self._sessions_left} sessions are not read, the oldest ones: at most "
                f"{LOG_SESSIONS_MAX} are, of {LOG_SESSIONS_MAX_BYTES} bytes together"
            )
            problems.append(Problem(SESSIONS, reason))
        states = dict(self.state.tables)
        for table in tables:
            states[table] = self._table(table, sessions)
        for table in TABLES:
            if self._folders[table].is_full:
                problems.append(
                    Problem(
                        table, f"it has more than {LOG_SEGMENTS_MAX} segments: not all are read"
                    )
                )
            for text, reason in (self._damaged[table] | self._unread[table]).items():
                problems.append(Problem(f"{table}/{text}", reason))
        problems.sort(key=lambda problem: problem.name)
        version = _version(self._sessions, states, problems)
        if version == self.state.version:
            return False
        self.state = State(version, tuple(sessions), states, tuple(problems[:LOG_PROBLEMS_MAX]))
        return True

    def _table(self, table: str, sessions: list[Session]) -> TableState:
        by_id = {session.id: session for session in sessions}
        sources = self._sound[table]
        parts = counting([source.segment for source in sources.values()], by_id)
        if table in ("images", "thumbnails"):
            probe = newest_probe(sessions)
            parts = tuple(part for part in parts if _is_of(part, by_id, probe))
        written = [part.segment.steps() if part.steps is None else part.steps for part in parts]
        steps = np.unique(np.concatenate(written)) if written else np.zeros(0, np.int64)
        return TableState(
            tuple(Source(part, sources[part.segment.text].rows) for part in parts),
            steps,
            len(steps) < sum(map(len, written)),
        )


class _Folder:
    """The segments' names in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._names: frozenset[str] = frozenset()
        self.is_full = False

    def forget(self) -> None:
        """Has the directory listed again, even if it looks unchanged."""
        self._stamp = None

    def names(self) -> frozenset[str]:
        """Those there, listed twice alike.

        A segment may get its name behind the place that a listing has reached, and those that it
        replaces be deleted before that comes to them: it sees neither. The next one sees it.
        """
        try:
            status = self._path.stat()
        except OSError:
            self._stamp, self._names = None, frozenset()
            return self._names
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp == self._stamp:
            return self._names
        settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
        before = None
        for _ in range(_TRIES):
            self._names = self._listed()
            if self._names == before:
                break
            before = self._names
        self._stamp = stamp if settled else None
        return self._names

    def _listed(self) -> frozenset[str]:
        found: set[str] = set()
        with suppress(OSError), os.scandir(self._path) as entries:
            for entry in entries:
                if SegmentName.parse(entry.name) is not None:
                    found.add(entry.name)
                self.is_full = len(found) > LOG_SEGMENTS_MAX
                if self.is_full:
                    break
        return frozenset(found)


class _Budget:
    """What all segments of a log may take together."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = len(segments)
        self._weight = sum(segment.weight for segment in segments)
        self._steps = sum(int(segment.runs["count"].sum()) for segment in segments)
        self._layouts = {id(segment.blocks): _grids(segment) for segment in segments}
        self._grids = sum(self._layouts.values())

    def take(self, segment: Segment) -> None:
        """Counts one more.

        Raises:
          DamagedSegmentError: it is too much.
        """
        self._segments += 1
        self._weight += segment.weight
        self._steps += int(segment.runs["count"].sum())
        if id(segment.blocks) not in self._layouts:
            self._layouts[id(segment.blocks)] = _grids(segment)
            self._grids += _grids(segment)
        for what, count, limit in (
            ("segments", self._segments, LOG_SEGMENTS_MAX),
            ("bytes of descriptions", self._weight, LOG_FOOTERS_MAX_BYTES),
            ("steps", self._steps, LOG_STEPS_MAX),
            ("parts of segments", self._grids, LOG_GRIDS_MAX),
        ):
            if count > limit:
                raise DamagedSegmentError(
                    segment.text, f"with it the log has more than {limit} {what}"
                )


def newest_probe(sessions: Sequence[Session]) -> Probe | None:
    """The probe images of the newest session that has any."""
    return next((each.probe for each in reversed(sessions) if each.probe is not None), None)


def _grids(segment: Segment) -> int:
    return sum(1 + len(block.grids) for block in segment.blocks)


def _is_of(part: Part, sessions: Mapping[str, Session], probe: Probe | None) -> bool:
    """Whether a part's images are those of `probe`, or none are known of it."""
    session = sessions.get(part.segment.session)
    return session is None or session.probe is None or session.probe == probe


def _session(path: Path) -> Session | str:
    """The session of a file, or what is wrong with that."""
    try:
        with path.open("rb") as file:
            session = decode_session(file.read(LOG_SESSION_MAX_BYTES + 1))
    except DamagedSessionError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if session.id != path.name.removesuffix(_SUFFIX):
        return "it is another session's file"
    return session


def _version(
    sessions: Mapping[str, tuple[tuple[int, ...], Session | str]],
    tables: Mapping[str, TableState],
    problems: Sequence[Problem],
) -> str:
    digest = blake2b(digest_size=10)
    for name, (stamp, _) in sorted(sessions.items()):
        digest.update(f"{name}: {stamp}\n".encode())
    for table, state in tables.items():
        digest.update(f"\n{table}\n".encode())
        for source in state.sources:
            digest.update(source.segment.text.encode())
            if source.part.steps is not None:
                digest.update(source.part.steps.tobytes())
    for problem in problems:
        digest.update(f"\n{problem.name}: {problem.reason}".encode())
    return digest.hexdigest()

"""The directories that are scanned, from the flags of whoever started TensorBoard."""

import dataclasses
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tb_snapshot_compare.storage import is_remote, local_path, masked, problem_of, tidied

Origin = Literal["logdir", "logdir_spec", "extra"]

# TensorBoard's own test for a remote path (data_ingester.py, _parse_event_files_spec).
_REMOTE = re.compile(r"[a-zA-Z][0-9a-zA-Z.]*://")


@dataclass(frozen=True, slots=True)
class Root:
    """A directory that is scanned.

    `name` prefixes the names of its runs, and is empty for a root whose runs have none.
    `path` is absolute, or a URL. `event_prefix` is what TensorBoard prefixes its own run names
    with. `problem` says, with the remedy, why the root could not be scanned as a whole.
    """

    name: str
    path_as_given: str
    path: str
    origin: Origin = "logdir"
    event_prefix: str = ""
    problem: str | None = None

    @property
    def key(self) -> str:
        """What tells this root from the others in snapshot ids, the same in every session."""
        return "" if self.origin == "logdir" else f"{self.origin}:{self.name}"

    def run_name(self, directory: str) -> str:
        """The run of the relative `directory` (`.` is the root): `train`, `NAME/train`, `NAME`."""
        if not self.name:
            return directory
        return self.name if directory == "." else f"{self.name}/{directory}"


def parse_roots(
    logdir: str | None, logdir_spec: str | None, extra_dirs: str | None
) -> tuple[Root, ...]:
    """Reads `--logdir`, `--logdir_spec` and `--snapshot_compare_dirs`.

    Never raises: what cannot be used becomes a root with a `problem`, because a mistake in a
    flag must not cost the user the whole plugin.

    Args:
      logdir: one directory or URL; `~` and relative paths are expanded.
      logdir_spec: TensorBoard's comma list `NAME:PATH` or `PATH`; a path that begins with a
        slash has no name. Of two entries of one path the last counts, as in TensorBoard.
      extra_dirs: comma list `NAME:PATH` or `PATH`, further directories that TensorBoard does
        not know; without a name they are called after their last path component.
    """
    roots: list[Root] = []
    if logdir and logdir.strip():
        roots.append(_root("", logdir.strip(), "logdir"))
    by_place = {}
    for name, path in _specifications(logdir_spec):
        by_place[path if is_remote(path) else os.path.realpath(_expanded(path))] = (name, path)
    for name, path in by_place.values():
        roots.append(_root(name, path, "logdir_spec", event_prefix=name))
    for name, path in _specifications(extra_dirs):
        name = name or os.path.basename(path.rstrip("/") if is_remote(path) else _expanded(path))
        name = name or "dir"
        roots.append(_root(name, path, "extra"))
    return tuple(_told_apart(roots))


def _specifications(text: str | None) -> Iterable[tuple[str, str]]:
    for part in (text or "").split(","):
        specification = part.strip()
        if not specification:
            continue
        name, separator, path = specification.partition(":")
        if not separator or specification[0] == "/" or _REMOTE.match(specification):
            yield "", specification
        else:
            yield name, path


def _root(name: str, path: str, origin: Origin, event_prefix: str = "") -> Root:
    problem = problem_of(path)
    if problem is not None:
        expanded = masked(path)
    elif is_remote(path):
        expanded = tidied(path)
    elif not path:
        problem = f"'{name}:' names no directory. Write NAME:PATH,NAME:PATH,... without spaces."
        expanded = path
    else:
        expanded = _expanded(path)
    return Root(name, masked(path), expanded, origin, event_prefix, problem)


def _expanded(path: str) -> str:
    return os.path.abspath(os.path.expanduser(local_path(path)))


def _told_apart(roots: Iterable[Root]) -> Iterable[Root]:
    """Numbers equal names of one flag, whose runs and ids could be mistaken otherwise.

    A directory of `--snapshot_compare_dirs` may bear a name of `--logdir_spec`, or of a run:
    its snapshots then join that run.
    """
    taken: set[tuple[Origin, str]] = set()
    for root in roots:
        name = root.name
        if (root.origin, name) in taken:
            base = name or os.path.basename(root.path) or "logdir"
            name = next(n for n in _numbered(base) if (root.origin, n) not in taken)
        taken.add((root.origin, name))
        yield dataclasses.replace(root, name=name)


def _numbered(base: str) -> Iterable[str]:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1

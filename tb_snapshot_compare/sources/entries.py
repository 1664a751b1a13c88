"""What the names in one directory amount to: file sets of snapshots, before any is opened.

TensorFlow renames the data shards of a checkpoint first and writes its index last, and
deletes the index first (tensor_bundle.cc MergeBundles, checkpoint_management.py _sweep): data
without an index is a save or a deletion in progress, and is not listed. An index without data
is a checkpoint that lost them, or a file of another program: only its content can tell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from tb_snapshot_compare.snapshot import Format
from tb_snapshot_compare.sources.candidate import Candidate
from tb_snapshot_compare.sources.state_dicts import is_state_dict_name, state_dicts

SAVED_MODEL_FILE = "saved_model.pb"
VARIABLES = "variables"
BACKUP_METADATA = "training_metadata.json"
ORBAX_FILES = frozenset({"_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt"})
"""A directory with one of these is an Orbax checkpoint (`readers/orbax_files.py`)."""
ORBAX_UNFINISHED = ".orbax-checkpoint-tmp"
"""In the name of a directory that Orbax renames when it is complete."""

LOG = "snapshot_log"
"""A directory in which a training records itself; nothing in it is a snapshot."""
STATE_FILE = "checkpoint"
_INDEX = ".index"
_META = ".meta"
_SHARD = re.compile(r"(?P<prefix>.+)\.data-(?P<number>\d{5})-of-(?P<total>\d{5})")
_H5_SHARD = re.compile(r"(?P<prefix>.+)_\d{5}\.weights\.h5")
_SUFFIXES = (
    (".keras", Format.KERAS),
    (".weights.h5", Format.WEIGHTS_H5),
    (".h5", Format.LEGACY_H5),
)
_BACKUP_SUFFIX = ".weights.h5.bkp"
_SHARDED_WEIGHTS = "weights.json"


def is_event_file(name: str) -> bool:
    """Whether TensorBoard reads the file as events (io_wrapper.IsSummaryEventsFile)."""
    return "tfevents" in name and not name.endswith(".profile-empty")


def is_candidate_name(name: str) -> bool:
    """Whether a file of this name can belong to a file set; others need not be examined."""
    return name.endswith(
        (".index", _META, ".keras", ".h5", ".hdf5", _BACKUP_SUFFIX, _SHARDED_WEIGHTS)
    ) or (
        name in (STATE_FILE, SAVED_MODEL_FILE, BACKUP_METADATA, BACKUP_METADATA + ".bkp")
        or name in ORBAX_FILES
        or is_state_dict_name(name)
        or _SHARD.fullmatch(name) is not None
    )


def candidates(directory: str, names: Iterable[str]) -> Iterator[Candidate]:
    """The file sets among the regular files `names` of one directory, SavedModel apart.

    Args:
      directory: the directory's own name; `X_temp` is where TensorFlow collects shards.
      names: regular files only.
    """
    present = frozenset(names)
    yield from _bundles(directory, present)
    yield from _v1_checkpoints(present)
    yield from _sharded_weights(present)
    yield from state_dicts(directory, present)
    for name in present:
        if name.endswith(_BACKUP_SUFFIX):
            yield _single(name, name, Format.WEIGHTS_H5, f"{BACKUP_METADATA}.bkp", present)
        elif name.endswith(".hdf5"):
            yield _single(name, name, Format.LEGACY_H5, None, present)
        elif not _is_part_of_sharded_weights(name, present):
            for suffix, kind in _SUFFIXES:
                if name.endswith(suffix):
                    metadata = BACKUP_METADATA if name == "latest.weights.h5" else None
                    stem = name.removesuffix(suffix) or name
                    yield _single(name, stem, kind, metadata, present)
                    break


def saved_model(key: str, names: Iterable[str], variables: Iterable[str]) -> Candidate:
    """The SavedModel in a directory called `key`, from the files in it and in `variables/`."""
    inside = frozenset(variables)
    files = [name for name in names if name == SAVED_MODEL_FILE]
    found = (b for b in _bundles("", inside) if b.key == VARIABLES and not b.doubtful)
    bundle = next(found, None)
    problem: str | None
    if bundle is None:
        problem = f"{VARIABLES}/variables.index or its data is missing: export the model again."
    else:
        files += [f"{VARIABLES}/{name}" for name in bundle.files]
        problem = bundle.problem
    return Candidate(".", key, Format.SAVED_MODEL, tuple(sorted(files)), problem=problem)


def orbax_checkpoint(key: str, names: Iterable[str]) -> Candidate:
    """The Orbax checkpoint in a directory called `key`, from every file in it and below."""
    stem = key.partition(ORBAX_UNFINISHED)[0] or key
    return Candidate(".", stem, Format.ORBAX, tuple(sorted(names)))


def _single(
    name: str, key: str, kind: Format, metadata: str | None, present: frozenset[str]
) -> Candidate:
    if metadata not in present:
        metadata = None
    files = (name,) if metadata is None else (name, metadata)
    return Candidate(name, key, kind, files, metadata)


def _v1_checkpoints(present: frozenset[str]) -> Iterator[Candidate]:
    """What may be checkpoints of TensorFlow's V1 format: a file without suffix beside its graph.

    Such a file has no name of its own kind; its content decides.
    """
    for name in present if STATE_FILE in present else ():
        prefix = name.removesuffix(_META)
        if name != prefix and prefix and f"{prefix}{_INDEX}" not in present:
            yield Candidate(
                prefix,
                prefix,
                Format.TF_CHECKPOINT,
                (name,),
                problem=f"{prefix}{_INDEX} is missing: copy all files of the checkpoint.",
                doubtful=True,
            )


def _bundles(directory: str, present: frozenset[str]) -> Iterator[Candidate]:
    shards: dict[str, dict[int, dict[int, str]]] = {}
    for name in present:
        if match := _SHARD.fullmatch(name):
            by_total = shards.setdefault(match["prefix"], {})
            by_total.setdefault(int(match["total"]), {})[int(match["number"])] = name
    for name in present:
        prefix = name.removesuffix(_INDEX)
        if name.endswith(_INDEX) and prefix and prefix not in shards:
            yield Candidate(
                prefix,
                prefix,
                Format.TF_CHECKPOINT,
                (name,),
                problem=_missing(f"{prefix}.data-00000-of-00001"),
                doubtful=True,
            )
    for prefix, by_total in shards.items():
        index = f"{prefix}{_INDEX}"
        if index not in present:
            continue
        if directory.endswith("_temp") and prefix.startswith("part-"):
            continue
        files = [name for numbered in by_total.values() for name in numbered.values()]
        yield Candidate(
            prefix,
            prefix,
            Format.TF_CHECKPOINT,
            (index, *sorted(files)),
            problem=_missing_shards(prefix, by_total),
        )


def _missing_shards(prefix: str, by_total: Mapping[int, Mapping[int, str]]) -> str | None:
    missing: list[str] = []
    for total, numbered in sorted(by_total.items()):
        if len(numbered) >= total:
            return None
        absent = next(number for number in range(total) if number not in numbered)
        missing.append(f"{prefix}.data-{absent:05d}-of-{total:05d}")
    return _missing(missing[0])


def _missing(name: str) -> str:
    return f"{name} is missing: copy all files of the checkpoint, or save it again."


def _sharded_weights(present: frozenset[str]) -> Iterator[Candidate]:
    parts: dict[str, list[str]] = {}
    for name in present:
        if (prefix := _h5_shard_of(name)) is not None:
            parts.setdefault(prefix, []).append(name)
    for prefix, files in parts.items():
        path = _map_of_shards(prefix, present)
        if path is not None:
            key = path.removesuffix(".json").removesuffix(".weights")
            yield Candidate(path, key, Format.WEIGHTS_H5, (path, *sorted(files)))


def _is_part_of_sharded_weights(name: str, present: frozenset[str]) -> bool:
    key = _h5_shard_of(name)
    return key is not None and _map_of_shards(key, present) is not None


def _map_of_shards(prefix: str, present: frozenset[str]) -> str | None:
    """The map that lists `prefix_00000.weights.h5`; Keras asks for a name in `weights.json`."""
    for name in (f"{prefix}.{_SHARDED_WEIGHTS}", f"{prefix}.json"):
        if name.endswith(_SHARDED_WEIGHTS) and name in present:
            return name
    return None


def _h5_shard_of(name: str) -> str | None:
    match = _H5_SHARD.fullmatch(name)
    return None if match is None else match["prefix"]

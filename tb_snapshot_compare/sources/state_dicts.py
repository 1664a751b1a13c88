"""File sets of PyTorch, safetensors and NumPy among the names of one directory.

Large ones are split: `X.safetensors.index.json` says which of `X-00001-of-00003.safetensors`
holds what, and is written last (`save_torch_state_dict` in
`huggingface_hub/serialization/_torch.py`). Trainers of Hugging Face give each step a directory
(`checkpoint-500/model.safetensors`), in which the file's own name says nothing.

Many programs write `.bin`, `.pt`, `.ckpt`, `.tar` and `.npz` files, data sets among them: only
their content can tell. PyTorch's examples and tutorials call what `torch.save` writes
`checkpoint.pth.tar` and `model.tar`, although it is no tar file. One array alone (`.npy`) is
never taken for a snapshot; it can be opened by its path.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tb_snapshot_compare.snapshot import NUMBERED_FILE, Format
from tb_snapshot_compare.sources.candidate import Candidate

DISTRIBUTED_METADATA = ".metadata"
_DISTRIBUTED_SUFFIX = ".distcp"
_INDEX_SUFFIX = ".index.json"
_SUFFIXES = (
    (".safetensors", Format.SAFETENSORS),
    (".bin", Format.TORCH),
    (".pt", Format.TORCH),
    (".pth", Format.TORCH),
    (".ckpt", Format.TORCH),
    (".pth.tar", Format.TORCH),
    (".tar", Format.TORCH),
    (".npz", Format.NPZ),
)
_SPLIT = {".safetensors": Format.SAFETENSORS, ".bin": Format.TORCH}
_ENDINGS = (
    *(suffix for suffix, _ in _SUFFIXES),
    *(f"{suffix}{_INDEX_SUFFIX}" for suffix in _SPLIT),
    _DISTRIBUTED_SUFFIX,
)
_STEP_DIRECTORY = re.compile(r"(?:.*[-_.])?(?:checkpoint|ckpt|epoch|step|iter)[-_=]?\d+")
_GENERAL_NAMES = frozenset(
    {"model", "pytorch_model", "adapter_model", "diffusion_pytorch_model", "consolidated", "state"}
)
"""What files are called whose directory has the snapshot's name."""


def is_state_dict_name(name: str) -> bool:
    """Whether a file of this name can belong to a file set of `state_dicts`."""
    return name.endswith(_ENDINGS) or name == DISTRIBUTED_METADATA


def state_dicts(directory: str, present: frozenset[str]) -> Iterator[Candidate]:
    """The file sets among the regular files `present` of a directory of the name `directory`."""
    if DISTRIBUTED_METADATA in present:
        yield from _distributed(directory, present)
    numbered: dict[tuple[str, str, int], dict[int, str]] = {}
    for name in present:
        if match := NUMBERED_FILE.fullmatch(name):
            place = (match["stem"], match["suffix"], int(match["total"]))
            numbered.setdefault(place, {})[int(match["number"])] = name
        else:
            for suffix, kind in _SUFFIXES:
                if name.endswith(suffix) and name != suffix:
                    found = _single(name, name.removesuffix(suffix), kind)
                    yield _placed(found, directory)
                    break
    for (stem, suffix, total), files in numbered.items():
        yield _placed(_set(stem, suffix, total, files, present), directory)


def _single(name: str, stem: str, kind: Format) -> Candidate:
    return Candidate(name, stem, kind, (name,), doubtful=kind is not Format.SAFETENSORS)


def _set(
    stem: str, suffix: str, total: int, files: Mapping[int, str], present: frozenset[str]
) -> Candidate:
    """The files of one set; of several sets of one stem the index belongs to all."""
    kind = _SPLIT[suffix]
    names = tuple(files[number] for number in sorted(files))
    index = f"{stem}{suffix}{_INDEX_SUFFIX}"
    if index in present:
        return Candidate(index, stem, kind, (index, *names))
    missing = next((number for number in range(1, total + 1) if number not in files), None)
    problem = None
    if missing is not None:
        problem = (
            f"{stem}-{missing:05d}-of-{total:05d}{suffix} is missing: copy all files of the "
            "snapshot, or save it again."
        )
    doubtful = kind is not Format.SAFETENSORS
    return Candidate(names[0], stem, kind, names, problem=problem, doubtful=doubtful)


def is_named_by_directory(stem: str, directory: str) -> bool:
    """Whether a snapshot in files of the name `stem` is called as their directory is."""
    return stem in _GENERAL_NAMES and _STEP_DIRECTORY.fullmatch(directory) is not None


def _placed(candidate: Candidate, directory: str) -> Candidate:
    if not is_named_by_directory(candidate.key, directory):
        return candidate
    return replace(candidate, key=directory, of_directory=True)


def _distributed(directory: str, present: frozenset[str]) -> Iterator[Candidate]:
    """The distributed checkpoint in a directory: its metadata are renamed into place last."""
    files = [name for name in present if name.endswith(_DISTRIBUTED_SUFFIX)]
    if files:
        yield Candidate(
            ".",
            directory,
            Format.TORCH_DISTRIBUTED,
            (DISTRIBUTED_METADATA, *sorted(files)),
            of_directory=True,
        )

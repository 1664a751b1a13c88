"""How the suite damages one tensor of a snapshot, or one of its files."""

import io
import zipfile
from pathlib import Path

import h5py

from tests.readers.suite_keras import load_checkpoint


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new, 1))


def damage_checkpoint(path: Path) -> None:
    """A byte of the largest tensor's values; its checksum tells."""
    values = load_checkpoint(path, "float32")
    stored = max((value.tobytes() for value in values.values()), key=len)
    data = path.with_name(f"{path.name}.data-00000-of-00001")
    overwrite(data, stored, bytes([stored[0] ^ 1]) + stored[1:])


def damage_saved_model(path: Path) -> None:
    damage_checkpoint(path / "variables" / "variables")


def damage_hdf5(path: Path) -> None:
    """The header of one dataset, of the HDF5 file itself or of the one in an archive."""
    content = path.read_bytes()
    start = content.index(b"\x89HDF\r\n\x1a\n")
    found: list[h5py.Dataset] = []

    def collect(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape == (14, 9):
            found.append(item)

    with h5py.File(io.BytesIO(content[start:])) as file:
        file.visititems(collect)
        header = start + h5py.h5o.get_info(found[0].id).addr
    path.write_bytes(content[:header] + b"\xff" + content[header + 1 :])


def damage_archive(path: Path) -> None:
    """The compressed bytes of one array, or the header of one storage."""
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.file_size > 400]
        chosen = next(info for info in members if not info.filename.endswith(".pkl"))
    content = bytearray(path.read_bytes())
    deflated = chosen.compress_type == zipfile.ZIP_DEFLATED
    place = chosen.header_offset + (chosen.compress_size // 2 + 60 if deflated else 0)
    content[place] ^= 0xFF
    path.write_bytes(content)


def damage_distributed(path: Path) -> None:
    """The start of the first tensor's own archive."""
    overwrite(path / "__0_0.distcp", b"PK\x03\x04", b"PK\x03\x05")


def remove_shard(path: Path) -> None:
    """The second of several files."""
    sorted(each for each in path.parent.iterdir() if "00001" in each.name or "00002" in each.name)[
        -1
    ].unlink()


def damage_safetensors(path: Path) -> None:
    overwrite(path, b'"dtype":"F32"', b'"dtype":"F31"')


def damage_npz(path: Path) -> None:
    overwrite(path, b"\x93NUMPY", b"\x93NUMPX")

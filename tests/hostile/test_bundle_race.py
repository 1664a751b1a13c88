"""A checkpoint overwritten in place while it is read: right, or refused, never mixed."""

import threading
import time
from pathlib import Path

import numpy as np

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, check_generation, open_contents
from tb_snapshot_compare.snapshot import Format
from tests.hostile.bundle_writer import BundleWriter

READ_SECONDS = 3.0


def bundle(value: int) -> BundleWriter:
    writer = BundleWriter()
    for number in range(4):
        writer.add(f"w{number}", np.full(2000 + 500 * (value % 3), value, dtype=np.int32))
    return writer


def test_reader_never_mixes_two_saves_of_one_prefix(tmp_path: Path) -> None:
    stop = threading.Event()
    versions = [bundle(value) for value in range(12)]
    versions[0].write(tmp_path / "ckpt")

    def overwrite() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            versions[number % 12].write(tmp_path / "ckpt")
            time.sleep(0.002 * (number % 4))

    trainer = threading.Thread(target=overwrite)
    trainer.start()
    good = refused = 0
    try:
        end = time.monotonic() + READ_SECONDS
        while time.monotonic() < end:
            try:
                contents = open_contents(str(tmp_path / "ckpt"), Format.TF_CHECKPOINT)
                with TensorReader(contents.generation) as reader:
                    arrays = [reader.read_array(tensor) for tensor in contents.tensors]
                check_generation(contents.generation)
            except SnapshotCompareError:
                refused += 1
                continue
            good += 1
            assert len({int(value) for array in arrays for value in np.unique(array)}) == 1
    finally:
        stop.set()
        trainer.join()
    assert good
    assert refused

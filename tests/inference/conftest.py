"""One warm child for all tests."""

from collections.abc import Iterator

import pytest

from tb_snapshot_compare.inference.client import Inference


@pytest.fixture(scope="session")
def inference() -> Iterator[Inference]:
    running = Inference(threads=2)
    yield running
    running.close()

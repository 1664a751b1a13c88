"""The Compare tab on a logdir, further directories and images in an object store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Open
from tests.e2e.server import WITHOUT_TENSORFLOW, TensorBoard, tensorboard, wait_for
from tests.e2e.steps import pair_of
from tests.e2e.test_compare import compare_two_epochs_and_reload, layer_boxes
from tests.object_store import BUCKET, ObjectStore, object_store


@pytest.fixture(scope="module")
def store(logdir: Path, photographs: Path) -> Iterator[ObjectStore]:
    """The demo's logdir and its photographs."""
    with object_store() as store:
        store.upload(logdir, "logs")
        store.upload(photographs, "photographs")
        yield store


@pytest.fixture(scope="module")
def remote(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """TensorBoard on the store, as where no TensorFlow is installed."""
    flags = [
        f"--logdir=s3://{BUCKET}/logs",
        f"--snapshot_compare_images=photographs:s3://{BUCKET}/photographs",
        f"--snapshot_compare_cache_dir={tmp_path_factory.mktemp('cache')}",
    ]
    environment = {**store.environment, "S3_ENDPOINT": store.address}
    with tensorboard(*flags, env=environment, main=WITHOUT_TENSORFLOW) as server:
        yield server


def listing(server: TensorBoard) -> Any:
    return json.loads(server.get("data/plugin/snapshot_compare/snapshots"))


def is_listed(server: TensorBoard) -> bool:
    found = listing(server)
    return bool(found["runs"]) and not found["scanning"]


def test_two_epochs_of_a_logdir_in_a_store_are_compared(
    remote: TensorBoard, open_compare: Open, logdir: Path
) -> None:
    wait_for(lambda: is_listed(remote), seconds=120)
    pair = pair_of(remote, logdir / "alexnet", 10, 40)
    compare_two_epochs_and_reload(open_compare(remote), pair)
    assert not [line for line in remote.log if "Traceback" in line]


def test_images_in_a_store_are_listed_with_their_classes(remote: TensorBoard) -> None:
    run = listing(remote)["runs"][0]["name"]
    sets = json.loads(remote.get(f"data/plugin/snapshot_compare/images?run={run}"))["sets"]
    photographs = next(each for each in sets if each["name"] == "photographs")
    assert photographs["problem"] is None
    assert len(photographs["images"]) == 3 * len(photographs["classes"])
    image = photographs["images"][0]
    assert (image["width"], image["height"]) == (48, 48)


def test_a_store_beside_a_local_logdir_is_compared(
    store: ObjectStore, tmp_path: Path, open_compare: Open
) -> None:
    """With TensorFlow installed TensorBoard itself reads no s3:// logdir."""
    flags = [
        f"--logdir={tmp_path}",
        f"--snapshot_compare_dirs=far:s3://{BUCKET}/logs",
        "--snapshot_compare_cache_dir=none",
    ]
    with tensorboard(*flags, env=store.environment) as server:
        wait_for(lambda: is_listed(server), seconds=120)
        opened = open_compare(server)
        expect(layer_boxes(opened.frame).first).to_be_visible(timeout=30_000)
        comparing = opened.frame.get_by_role("status").filter(has_text="Compared epoch")
        expect(comparing).to_contain_text("20 of 20 tensors", timeout=30_000)

import pytest

from tb_snapshot_compare.snapshot import Position
from tb_snapshot_compare.sources.position import merged, position_of_name


@pytest.mark.parametrize(
    ("name", "epoch", "step"),
    [
        ("ckpt-123", None, 123),
        ("model.ckpt-123", None, 123),
        ("model.ckpt-0", None, 0),
        ("cp-0010.ckpt", 10, None),
        ("epoch-10", 10, None),
        ("epoch_10", 10, None),
        ("epoch10", 10, None),
        ("Epoch 7", 7, None),
        ("epoch=3-step=1200", 3, 1200),
        ("epoch=3-step=1200.ckpt", 3, 1200),
        ("weights.10-0.53", 10, None),
        ("weights-improvement-07-0.85", 7, None),
        ("05-val_loss0.93", 5, None),
        ("05-0.93", 5, None),
        ("weights.12", 12, None),
        ("alexnet-e10", 10, None),
        ("resnet50_ep3", 3, None),
        ("model_at_epoch_5", 5, None),
        ("after_10_epochs", 10, None),
        ("step_4000", None, 4000),
        ("global_step=77", None, 77),
        ("iter-100", None, 100),
        ("model_20000000_steps", None, 20_000_000),
        ("ckpt-20000000", None, 20_000_000),
        ("epoch_2_batch_300", 2, 300),
        ("keras_embedding.ckpt-4", None, 4),
        ("10", None, 10),
        ("model.10", None, 10),
        ("model-10", None, 10),
        ("best", None, None),
        ("resnet50", None, None),
        ("model_v2", None, None),
        ("v1.2", None, None),
        ("acc-0.53", None, None),
        ("lr1e-4", None, None),
        ("model-20240115-123456", None, None),
        ("model-2024-01-15", None, None),
        ("run-20240115-123456-epoch-3", 3, None),
        ("latest.weights.h5.bkp", None, None),
        ("model-99999999999999999999", None, None),
        ("", None, None),
    ],
)
def test_a_name_tells_epoch_and_step(name: str, epoch: int | None, step: int | None) -> None:
    position = position_of_name(name)
    assert (position.epoch, position.step) == (epoch, step)
    assert position.epoch_source == (None if epoch is None else "file name")
    assert position.step_source == (None if step is None else "file name")


def test_contents_give_the_step_and_the_name_gives_the_epoch() -> None:
    of_contents = Position(4000, "optimizer iterations", 9, "training_metadata.json")
    assert merged(position_of_name("epoch-10"), of_contents) == Position(
        4000, "optimizer iterations", 10, "file name"
    )
    assert merged(position_of_name("ckpt-3"), of_contents).step == 4000


def test_neither_figure_is_lost_when_the_other_source_is_silent() -> None:
    assert merged(position_of_name("step_7"), Position()).step == 7
    assert merged(Position(), Position(epoch=4, epoch_source="training_metadata.json")).epoch == 4


def test_a_step_in_the_name_outdoes_a_count_of_saves() -> None:
    saves = Position(3, "save_counter")
    assert merged(position_of_name("step_1200"), saves).step == 1200
    assert merged(position_of_name("best"), saves) == saves

"""Epoch and step from the name of a snapshot.

The rules, in order; the first one that applies to a figure counts:

1. A number beside a word: `epoch-10`, `epoch_10`, `epoch=3`, `e10`, `10_epochs` are epochs,
   `step_4000`, `iter-100` and `batch_20` are steps. One name may have both
   (`epoch=3-step=1200`).
2. A number before a metric with a decimal point (`weights.10-0.53`, `05-val_loss0.93`) is an
   epoch: this is Keras's `{epoch:02d}-{val_loss:.2f}`.
3. A trailing number after a word of `_EPOCH_STEMS` (`cp-0010.ckpt`, `weights.10`) is an epoch:
   so the guides of TensorFlow and Keras name their files.
4. Any other trailing number that stands by itself (`ckpt-123`, `model.ckpt-123`, `10`) is a
   step. `resnet50` and `model_v2` have none, and dates and `1e-4` are no numbers.
"""

import re

from tb_snapshot_compare.snapshot import Position

FILE_NAME = "file name"

_NUMBER = r"(?P<number>\d{1,12})(?![\da-z])"
_START = r"(?<![a-z\d])"
_GAP = r"[-_.=: ]?"

_MONTH_DAY = r"(?:0[1-9]|1[0-2]){gap}(?:0[1-9]|[12]\d|3[01])"
_DATES = re.compile(
    rf"(?<!\d)(?:19|20)\d\d(?:{_MONTH_DAY.format(gap='')}|-{_MONTH_DAY.format(gap='-')})"
    r"(?:[-_t ]?\d\d[-_:.]?\d\d(?:[-_:.]?\d\d)?)?(?!\d)"
)
_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?e-\d+")
_EPOCH_WORDS = r"(?:epochs?|ep|e)"
_STEP_WORDS = r"(?:(?:global[-_]?)?steps?|iterations?|iters?|it|batch|batches)"
_EPOCH_STEMS = r"(?:cp|weights|weights[-_]improvement)"

_EPOCHS = (
    re.compile(rf"{_START}{_EPOCH_WORDS}{_GAP}{_NUMBER}"),
    re.compile(rf"(?<![\d.])(?P<number>\d{{1,12}}){_GAP}(?:epochs?|ep)(?![a-z])"),
    re.compile(
        r"(?:^|(?<=[^\da-z]))(?P<number>\d{1,12})[-_ ](?:[a-z][a-z_]*[-_=]?)?\d+\.\d+(?!\d)"
    ),
    re.compile(rf"{_START}{_EPOCH_STEMS}[-_.=]{_NUMBER}$"),
)
_STEPS = (
    re.compile(rf"{_START}{_STEP_WORDS}{_GAP}{_NUMBER}"),
    re.compile(rf"(?<![\d.])(?P<number>\d{{1,12}}){_GAP}(?:steps?|iterations?|iters?)(?![a-z])"),
)
_TRAILING = re.compile(r"(?:^|(?<=[-_=: ])|(?<=[^\d]\.))(?P<number>\d{1,12})$")
_ENDING = re.compile(r"(?:\.(?:ckpt|checkpoint|model|weights|h5|hdf5|bkp|json))+$")


def position_of_name(name: str) -> Position:
    """The position that `name`, without the suffix of its format, speaks of; it may be empty."""
    text = _ENDING.sub("", _SCIENTIFIC.sub("", _DATES.sub("", name.lower())))
    epoch = _first(_EPOCHS, text)
    step = _first(_STEPS, text)
    if epoch is None and step is None:
        step = _first((_TRAILING,), text)
    return Position(
        step=step,
        step_source=None if step is None else FILE_NAME,
        epoch=epoch,
        epoch_source=None if epoch is None else FILE_NAME,
    )


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    for pattern in patterns:
        if found := pattern.search(text):
            return int(found["number"])
    return None


def merged(of_name: Position, of_contents: Position) -> Position:
    """The position of a snapshot from its name and from its contents.

    Contents give the step (the optimizer counts every one), the name gives the epoch; each
    fills in for the other. A step in the name outdoes `save_counter`, which counts saves.
    """
    counts_saves = of_contents.step_source == "save_counter" and of_name.step is not None
    step = of_name if of_contents.step is None or counts_saves else of_contents
    epoch = of_contents if of_name.epoch is None else of_name
    return Position(step.step, step.step_source, epoch.epoch, epoch.epoch_source)

"""Records a training: of any framework, as arrays, without holding it up."""

import atexit
import os
import time
import weakref
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import RECORDING_CLOSE_SECONDS
from tb_snapshot_compare.recording.background import Background, Item
from tb_snapshot_compare.recording.host_arrays import copied, copied_array
from tb_snapshot_compare.recording.losses import Losses
from tb_snapshot_compare.recording.pace import Pace
from tb_snapshot_compare.recording.run_log import LOSS, Options, RunLog
from tb_snapshot_compare.recording.step_order import StepOrder, whole_step
from tb_snapshot_compare.recording.values import Dump, Note, ProbeImages, Scalars, ValidationPass
from tb_snapshot_compare.store.log_tables import DIRECTORY

MOMENTS = ("moment1", "moment2")
_WORDS = {
    Dump: "dumps",
    Scalars: "scalars",
    ValidationPass: "passes",
    ProbeImages: "thumbnails",
    Note: "events",
}
_BEHIND = "the thread that writes is behind"
_OVER = 0.02
"""Beyond 0 and 1, of probabilities that were rounded."""


class Recorder:
    """Writes the log of a training that the Training page shows, and snapshots around anomalies.

    The training thread copies arrays and goes on; statistics are computed and written in a thread
    beside it. Where that is behind, dumps are dropped and counted (`lost`); a full disk or an
    unwritable folder costs the log, never the training. What was written stays readable whatever
    happens to the program. A training that is resumed goes on in the same log: what was recorded of
    later steps before does not count any more. Two programs may record the same run.

        with Recorder("logs", run="resnet", every=200) as recorder:
            for step, batch in enumerate(batches):
                loss = train(batch)
                recorder.step(step, loss=float(loss), learning_rate=rate)
                if recorder.wants_dump(step):
                    recorder.dump(step, dict(model.named_parameters()))

    A training with two recorders for one process, or whose process is forked, is recorded by the
    one that made the recorder.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        *,
        run: str = "",
        every: int | None = None,
        units: Mapping[str, str] | None = None,
        probe: ProbeImages | None = None,
        keep_snapshots: int = 3,
        snapshot_every: int | None = None,
        keras_config: str | None = None,
    ) -> None:
        """Prepares; files are made once there is something to write.

        Args:
          logdir: What TensorBoard is started on.
          run: The directory below it whose snapshots these are; the logdir itself by default.
          every: Steps between dumps; None for 100, and for more where dumps would then take more
            than a twentieth of the time.
          units: What tensors are called whose names do not tell where they lie in the network:
            a path such as `stage2/block1/conv1/kernel`, by the name that `dump` is given.
          probe: The images of the validation passes, where they are known already.
          keep_snapshots: Weights of so many dumps are kept in memory, and written as snapshots when
            something happens: the loss leaves its range, something is no finite number, many images
            of a class change. At most `RECORDING_RING_BYTES`; 0 for none.
          snapshot_every: Steps between snapshots that are written in any case, the first dump's and
            the last's besides; None for only these two, 0 for not even these. The two are left out
            where weights take more than half of `RECORDING_RING_BYTES`, or the run has
            `RECORDING_SNAPSHOTS_MAX` snapshots already.
          keras_config: What `model.to_json()` gives, of a network of Keras.

        Raises:
          ValueError: a number is not whole or not positive, paths are not unique, the run lies
            outside the logdir, or that is no directory of this machine.
          TypeError: the probe is no `ProbeImages`.
        """
        if probe is not None:
            _check_probe(probe)
        check_counts(every=every, snapshot_every=snapshot_every, keep_snapshots=keep_snapshots)
        paths = dict(units or {})
        if len(set(paths.values())) < len(paths):
            raise ValueError("units: two tensors have the same path; want one for each")
        self._paths = paths
        self._folder = run_folder(logdir, run)
        self._pace = Pace(every)
        self._probe: ProbeImages | None = None
        self._losses = Losses(str(self._folder / DIRECTORY))
        self._order = StepOrder(str(self._folder / DIRECTORY))
        options = Options(every, paths, keep_snapshots, snapshot_every, keras_config)
        log = RunLog(self._folder, options, self._losses)
        self._background = Background(log, self._failed, self._pace.spent)
        self._closed = False
        self._at_exit = _close_at_exit(self)
        if probe is not None:
            self.describe_probe(probe)

    @property
    def folder(self) -> Path:
        """The run's: the log lies in `snapshot_log` in it, snapshots beside that."""
        return self._folder

    @property
    def lost(self) -> Mapping[str, int]:
        """How much could not be recorded: `dumps`, `scalars`, `passes`, `snapshots`, `events`."""
        return self._losses.counts

    def step(
        self,
        step: int,
        *,
        loss: float | None = None,
        learning_rate: float | None = None,
        seconds: float | None = None,
        **values: float,
    ) -> None:
        """Records numbers of one step.

        Args:
          step: Counts updates of the weights, over the whole training; the same numbers as of
            dumps.
          loss: Of the batch.
          learning_rate: That of the step.
          seconds: What the step took.
          **values: Any other, by name; `/` may stand in names (`**{"seconds/forward": 0.1}`).

        Raises:
          ValueError: the step is no whole number, below 0, or has more than twelve digits.
        """
        step = whole_step(step)
        named = {LOSS: loss, "learning_rate": learning_rate, "seconds/step": seconds, **values}
        numbers = {name: float(value) for name, value in named.items() if value is not None}
        if numbers:
            self._order.take(step, numbers)
            self._offer(Scalars(step, time.time(), numbers), len(numbers))

    def wants_dump(self, step: int) -> bool:
        """Whether a dump is due: at the first step, and when `every` steps are over."""
        return self._pace.is_due(step)

    def dump(
        self,
        step: int,
        weights: Mapping[str, Any],
        gradients: Mapping[str, Any] | None = None,
        moments: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> bool:
        """Records the state of the network, of which copies are made.

        Args:
          step: How many updates it has behind it.
          weights: Arrays by name, of NumPy, TensorFlow, Keras, PyTorch or JAX; batch statistics
            count too. Updates are measured from one dump to the next.
          gradients: Of some or all of them, by the same names: those of the last batch; None for
            one that has none.
          moments: Of the optimizer: `{"moment1": {...}, "moment2": {...}}`, by the same names.

        Returns:
          Whether it will be recorded; False where the thread that writes is behind.

        Raises:
          ValueError: there are no weights, two have one path, a gradient or a moment is of no
            weight or of another shape, or the step is as of `step`.
          TypeError: something is no array of numbers.
        """
        step = whole_step(step)
        if not weights:
            raise ValueError(f"dump of step {step}: no weights; want arrays by name")
        for name, path in self._paths.items():
            if name in weights and path in weights and path not in self._paths:
                raise ValueError(f"units: {name!r} has the path {path!r}, as another weight has")
        self._order.take(step, ("dump",))
        self._pace.take(step)
        nbytes = sum(_nbytes(values) for values in weights.values())
        if not self._background.has_room(Dump, nbytes):
            self._losses.add("dumps", step, _BEHIND)
            return False
        found = Dump(
            step,
            time.time(),
            copied(weights),
            copied(gradients or {}),
            {kind: copied(arrays) for kind, arrays in (moments or {}).items()},
        )
        _check(found)
        return self._offer(found)

    def describe_probe(self, probe: ProbeImages) -> None:
        """Says what the images of the validation passes are.

        Raises:
          TypeError: these are no `ProbeImages`.
        """
        _check_probe(probe)
        self._probe = probe
        self._offer(probe)

    def note_probe(self, step: int, text: str) -> bool:
        """Records why there are no validation passes from a step on, for the Training page.

        Args:
          step: As of `validated`.
          text: A sentence.

        Returns:
          Whether it will be recorded.
        """
        return self._offer(Note(whole_step(step), time.time(), "probe", text))

    def validated(self, step: int, predictions: Any) -> bool:
        """Records what the network made of the probe images.

        Args:
          step: How many updates it has behind it.
          predictions: Classes, whole numbers `[images]`, -1 for none; or probabilities
            `[images, classes]` from 0 to 1, NaN where the network gives none.

        Returns:
          Whether it will be recorded; False where the thread that writes is behind.

        Raises:
          ValueError: another shape, or another number of images than the probe has, or numbers
            that are no probabilities, or the step is as of `step`.
        """
        step = whole_step(step)
        values = copied_array(predictions)
        count = values.shape[0] if values.ndim in (1, 2) else -1
        wanted = count if self._probe is None else self._probe.count
        if count != wanted or count < 0 or (values.ndim == 1) != (values.dtype.kind in "iu"):
            raise ValueError(
                f"predictions of shape {values.shape} and dtype {values.dtype}: want classes as "
                f"whole numbers [{max(wanted, 0)}], or probabilities [{max(wanted, 0)}, classes]"
            )
        if values.ndim == 2:
            _check_probabilities(values, step)
        predicted = values if values.ndim == 1 else _likeliest(values)
        probability = self._probability_of_truth(values)
        self._order.take(step, ("pass",))
        return self._offer(
            ValidationPass(step, time.time(), predicted.astype(np.int64), probability)
        )

    def _probability_of_truth(self, values: NDArray[Any]) -> NDArray[np.float32]:
        found = np.full(len(values), np.nan, np.float32)
        if self._probe is not None and values.ndim == 2:
            labels = self._probe.labels
            known = np.flatnonzero((labels >= 0) & (labels < values.shape[1]))
            found[known] = values[known, labels[known]]
        return found

    def flush(self, timeout: float = RECORDING_CLOSE_SECONDS) -> bool:
        """Waits for the thread that writes, where losing a dump is worse than losing time.

        Args:
          timeout: Seconds to wait at most.

        Returns:
          Whether everything that was given before is recorded, or counted as lost.
        """
        return self._background.flush(timeout)

    def close(self, timeout: float = RECORDING_CLOSE_SECONDS) -> bool:
        """Writes what waits, and ends the session; also done when the program ends.

        Args:
          timeout: Seconds to wait at most.

        Returns:
          Whether everything was done in that time.
        """
        if self._closed:
            return True
        self._closed = True
        atexit.unregister(self._at_exit)
        return self._background.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _offer(self, item: Item, count: int = 1) -> bool:
        taken = self._background.offer(item)
        if not taken:
            reason = "the recorder is closed" if self._closed else _BEHIND
            self._losses.add(_WORDS[type(item)], getattr(item, "step", 0), reason, count)
        return taken

    def _failed(self, item: Item, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._losses.add(_WORDS[type(item)], getattr(item, "step", 0), reason)


def check_counts(
    *,
    every: int | None,
    snapshot_every: int | None,
    keep_snapshots: int,
    probe_every: int | None = None,
) -> None:
    """Checks the numbers that `Recorder` and `SnapshotCallback` take.

    Raises:
      ValueError: one is not whole, or out of its range.
    """
    for name, value, least in (
        ("every", every, 1),
        ("snapshot_every", snapshot_every, 0),
        ("probe_every", probe_every, 1),
    ):
        if value is not None and not _is_whole(value, least):
            raise ValueError(
                f"{name}={value}: want a number of steps from {least} up, a whole one, or None"
            )
    if not _is_whole(keep_snapshots, 0):
        raise ValueError(f"keep_snapshots={keep_snapshots}: want 0 or more, a whole number")


def run_folder(logdir: str | os.PathLike[str], run: str) -> Path:
    """The directory of a run.

    Raises:
      ValueError: it lies outside the logdir, or that is a URL.
    """
    if "://" in os.fspath(logdir):
        raise ValueError(f"logdir={os.fspath(logdir)!r}: want a directory of this machine")
    base = Path(os.path.abspath(os.path.expanduser(os.fspath(logdir))))
    folder = Path(os.path.normpath(base / run))
    if not folder.is_relative_to(base):
        raise ValueError(f"run={run!r}: want a directory below the logdir {base}")
    return folder


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and int(value) >= least


def _check_probe(probe: Any) -> None:
    if not isinstance(probe, ProbeImages):
        raise TypeError(
            f"the probe is a {type(probe).__name__}: want tb_snapshot_compare.ProbeImages(labels, "
            "classes, pictures=images), and what the network makes of these images by validated(); "
            "arrays (x, y) are for SnapshotCallback(probe_data=...)"
        )


def _check_probabilities(values: NDArray[Any], step: int) -> None:
    beyond = values[(values < -_OVER) | (values > 1 + _OVER)]
    if beyond.size:
        raise ValueError(
            f"predictions of step {step} with values such as {float(beyond[0]):.3g}: want "
            "probabilities from 0 to 1, NaN for none; apply softmax to logits first (sigmoid where "
            "several classes may be true)"
        )


def _check(dump: Dump) -> None:
    unknown = dump.moments.keys() - set(MOMENTS)
    if unknown:
        raise ValueError(f"moments {sorted(unknown)}: want {' and '.join(MOMENTS)}")
    for word, arrays in (("gradient", dump.gradients), *dump.moments.items()):
        for name, values in arrays.items():
            own = dump.weights.get(name)
            if own is None or own.shape != values.shape:
                shape = "no such weight" if own is None else f"a weight of shape {own.shape}"
                raise ValueError(
                    f"{word} of {name!r} with shape {values.shape} beside {shape}: want the names "
                    "and shapes of weights"
                )


def _likeliest(probabilities: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each row; -1 where one is not finite."""
    known = np.isfinite(probabilities).all(axis=1)
    return np.where(known, probabilities.argmax(axis=1), -1).astype(np.int64)


def _nbytes(values: Any) -> int:
    """About what a copy takes; 0 where the array does not tell."""
    try:
        size = getattr(values, "nbytes", None)
    except RuntimeError:  # of sparse tensors of PyTorch
        return 0
    return size if isinstance(size, int) else 0


def _close_at_exit(recorder: Recorder) -> Any:
    """Closes a recorder when the program ends, unless nobody has it any more."""
    known = weakref.ref(recorder)

    def close() -> None:
        found = known()
        if found is not None:
            found.close()

    atexit.register(close)
    return close

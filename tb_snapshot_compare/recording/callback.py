"""Records a Keras training with one line: `callbacks=[SnapshotCallback("logs")]`.

The only module that imports Keras.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from tb_snapshot_compare.limits import RECORDING_EVERY
from tb_snapshot_compare.recording.batch_losses import BatchLosses
from tb_snapshot_compare.recording.gradient_tap import GradientTap
from tb_snapshot_compare.recording.keras_arrays import (
    inner_optimizer,
    input_shape,
    keeps_state,
    model_variables,
    moments,
)
from tb_snapshot_compare.recording.probe_data import ProbeData
from tb_snapshot_compare.recording.probing import Probing, give_up_probe
from tb_snapshot_compare.recording.recorder import Recorder, check_counts, run_folder
from tb_snapshot_compare.recording.step_count import note_step, steps_behind, updates_of

_RATES_PER_DUMP = 10
_open: WeakKeyDictionary[Any, dict[Path, Recorder]] = WeakKeyDictionary()
"""The last recorder of each model and folder, which keeps weights in memory until it is closed."""
_logger = logging.getLogger(__name__)
_Hook = Callable[..., None]


def _beside_the_training(hook: _Hook) -> _Hook:
    """What goes wrong in a hook ends the recording, with a warning, and not the training."""

    @wraps(hook)
    def guarded(callback: "SnapshotCallback", *arguments: Any, **named: Any) -> None:
        if callback.is_off and hook.__name__ != "on_train_begin":
            return
        try:
            hook(callback, *arguments, **named)
        except Exception as error:
            callback.give_up(error)

    return guarded


class SnapshotCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Records a training with Keras on TensorFlow; see `Recorder` for what and where.

    Per step: the loss of the batch, seconds, and now and then the learning rate. Every so many
    steps, at the first and at the last: statistics of weights, of updates since the dump before, of
    the last batch's gradients and of the optimizer's moments. Per epoch: the metrics that Keras
    logs, as `epoch_accuracy`. The first step has the number that the optimizer's count says, so
    that a training that is resumed goes on; trainings of one model in one process follow each other
    also where it is compiled anew in between.

    Gradients are taken from inside the training function (`gradient_tap`), which is traced anew for
    it when a training begins. They are not where several replicas train together; the updates say
    nearly as much.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        *,
        run: str = "",
        probe_data: Any = None,
        class_names: Iterable[str] = (),
        every: int | None = None,
        probe_every: int | None = None,
        gradients: bool = True,
        keep_snapshots: int = 3,
        snapshot_every: int | None = None,
    ) -> None:
        """Prepares; files are made when a training begins.

        Args:
          logdir: What TensorBoard is started on.
          run: The directory below it whose snapshots these are; the logdir itself by default.
          probe_data: Images that the network is asked about again and again: arrays `(x, y)` or
            `(x, y, sample_weight)`, of which the weights are left out, or a `tf.data.Dataset`,
            batched or not, or anything else that gives the same batches of these at every
            iteration; x is a dict or a list of arrays for a network of several inputs. None for no
            validation passes. A probe that turns out not to fit the network is left, with a warning
            and a note in the log.
          class_names: Of the probe's classes; by default the data set's `class_names`.
          every: Steps between dumps, as of `Recorder`.
          probe_every: Steps between validation passes, which take place at dumps; None for as often
            as takes a hundredth of the time.
          gradients: Whether to record gradients.
          keep_snapshots: As of `Recorder`.
          snapshot_every: As of `Recorder`.

        Raises:
          ValueError: Keras runs on another framework than TensorFlow, arrays of the probe do not
            fit together, its labels are no classes, it never ends, or as of `Recorder`.
          TypeError: the probe is neither arrays nor an iterable.
        """
        super().__init__()
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise ValueError(
                f"SnapshotCallback records Keras on TensorFlow, and this Keras runs on {backend}: "
                "use tb_snapshot_compare.Recorder in a training loop of your own"
            )
        check_counts(
            every=every,
            snapshot_every=snapshot_every,
            keep_snapshots=keep_snapshots,
            probe_every=probe_every,
        )
        run_folder(logdir, run)
        self._probe_data, self._class_names = probe_data, tuple(class_names)
        if probe_data is not None:
            ProbeData(probe_data, self._class_names)
        self._settings: dict[str, Any] = {
            "run": run,
            "every": every,
            "keep_snapshots": keep_snapshots,
            "snapshot_every": snapshot_every,
        }
        self._logdir = logdir
        self._rate_every = max((every or RECORDING_EVERY) // _RATES_PER_DUMP, 1)
        self._wants_gradients = gradients
        self._probe_every = probe_every
        self._probing: Probing | None = None
        self._tap: GradientTap | None = None
        self._last_tap: GradientTap | None = None
        self._variables: dict[str, Any] = {}
        self.recorder: Recorder | None = None
        """That of the training under way, or of the last one."""
        self.is_off = False
        """Whether the training under way is not recorded any more, as something has failed."""

    @_beside_the_training
    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Begins a session of the log."""
        self.is_off = False
        self._end()
        config = _config_of(self.model)
        self.recorder = Recorder(self._logdir, keras_config=config, **self._settings)
        left = _open.setdefault(self.model, {})
        if self.recorder.folder in left:  # by a callback whose training was broken off
            left[self.recorder.folder].close()
        left[self.recorder.folder] = self.recorder
        self._learn_variables()
        self._probing = None
        self._probe_has_state = self._probe_data is not None and keeps_state(self.model)
        if self._probe_data is not None and not self._probe_has_state:
            shape = partial(input_shape, self.model)
            data = ProbeData(self._probe_data, self._class_names, shape)
            self._probing = Probing(data, self.model.predict_on_batch, self._probe_every)
        self._step: int | None = None
        self._last_dump: int | None = None
        self._losses = BatchLosses(self.model)
        self._is_built = False

    @_beside_the_training
    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Records the weights that the training begins with."""
        assert self.recorder is not None
        if self._step is None:  # other callbacks restore weights and steps when training begins
            self._step = steps_behind(self.model)
            self._dump(self._step)
            if self._probe_has_state:
                reason = "a layer keeps a state from batch to batch"
                give_up_probe(self.recorder, self._step, reason)
        self._epoch_start = self._step
        self._losses.begin_epoch()
        self._prepare(self._step + 1)

    @_beside_the_training
    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Starts the clock."""
        self._first_batch = batch
        self._losses.begin()
        self._started = time.perf_counter()

    @_beside_the_training
    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Records the step, and the network where a dump is due."""
        assert self.recorder is not None
        seconds = time.perf_counter() - self._started
        step = self._step = self._epoch_start + batch + 1
        steps = batch + 1 - self._first_batch
        if not self._is_built:
            self._is_built = True
            if len(self.model.weights) != self._weights:  # its first batch has made the layers
                self._learn_variables()
        loss = _number((logs or {}).get("loss"))
        self.recorder.step(
            step,
            loss=None if loss is None else self._losses.last(batch + 1, loss),
            learning_rate=self._rate() if self._is_rate_due(step, steps) else None,
            seconds=seconds / steps,
        )
        if self.recorder.wants_dump(step):
            self._dump(step)
        self._prepare(step + steps)

    @_beside_the_training
    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Records the epoch's metrics, of those that are single numbers."""
        assert self.recorder is not None
        assert self._step is not None
        found = {f"epoch_{name}": _number(value) for name, value in (logs or {}).items()}
        numbers = {name: value for name, value in found.items() if value is not None}
        if numbers:
            self.recorder.step(self._step, **numbers)

    @_beside_the_training
    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Records the last weights, and waits until everything is written."""
        assert self.recorder is not None
        if self._step is not None and self._step != self._last_dump:
            self._dump(self._step, is_last=True)
        self._end()

    def give_up(self, error: Exception) -> None:
        """Leaves the rest of a training unrecorded; what was recorded stays."""
        self.is_off = True
        _logger.warning(
            "The training is not recorded any more, and goes on: %s: %s",
            type(error).__name__,
            error,
        )
        _logger.debug("Recording failed", exc_info=error)
        try:
            self._leave_model()
            self.model.make_train_function()  # the next batch needs one
        except Exception:
            _logger.debug("The model keeps what takes its gradients", exc_info=True)

    @property
    def _optimizer(self) -> Any:
        return inner_optimizer(self.model.optimizer)

    def _learn_variables(self) -> None:
        """The model's variables as they are now: a model may have none before its first batch."""
        self._leave_model()
        self._weights = len(self.model.weights)
        self._variables = model_variables(self.model)
        if self._wants_gradients and self._variables and GradientTap.is_possible(self.model):
            known = self._last_tap
            if known is None or not known.fits(self.model, self._variables):
                known = GradientTap(self.model, self._variables)
            self._tap = known
            self._last_tap = self._tap
            self._tap.put_in()

    def _dump(self, step: int, *, is_last: bool = False) -> None:
        assert self.recorder is not None
        note_step(self.model, step)
        if not self._variables:
            return
        self._last_dump = step
        averages = moments(self.model.optimizer, self._variables)
        self.recorder.dump(
            step,
            _values(self._variables),
            _values(self._tap.gradients() if self._tap else {}),
            {kind: _values(variables) for kind, variables in averages.items()},
        )
        if self._probing is not None:
            self._probing.look(self.recorder, step, is_last=is_last)

    def _prepare(self, step: int) -> None:
        """Has the gradients of the next steps kept where a dump is due after them."""
        if self._tap is not None and self.recorder is not None:
            self._tap.open(self.recorder.wants_dump(step))

    def _is_rate_due(self, step: int, steps: int) -> bool:
        """Ten times between dumps: a schedule is a computation."""
        period = self._rate_every
        return step // period > (step - steps) // period

    def _rate(self) -> float | None:
        """None of an optimizer that makes no updates: a model may train with others of its own."""
        if self._optimizer is None or not updates_of(self._optimizer):
            return None
        return float(keras.ops.convert_to_numpy(self._optimizer.learning_rate))

    def _end(self) -> None:
        """Leaves the model as it was; also after a training that was broken off."""
        self._leave_model()
        if self.recorder is not None and not self.recorder.close():
            _logger.warning(
                "What was recorded last in %s is still being written: what is not when the program "
                "ends is lost. Keep it running, or call recorder.flush().",
                self.recorder.folder,
            )

    def _leave_model(self) -> None:
        if self._tap is not None:
            self._tap.take_out()
            self._tap = None


def _number(value: Any) -> float | None:
    """A metric as one number; None where it is none, as a score of every class is."""
    values = np.asarray(value) if value is not None else np.empty(0)
    return (
        float(values.reshape(-1)[0]) if values.size == 1 and values.dtype.kind in "fiub" else None
    )


def _values(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Views of what variables hold now, where that lies in memory that NumPy can see.

    TensorFlow writes elsewhere as long as somebody sees it; `numpy()` would make one copy more.
    """
    tensors = {name: keras.ops.convert_to_tensor(each) for name, each in variables.items()}
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}


def _config_of(model: Any) -> str | None:
    """The model's configuration; None of a model that is written in code and has none."""
    try:
        text: str = model.to_json()
        json.loads(text)
    except Exception:  # the configurations of layers are anybody's code
        _logger.debug("The model has no configuration", exc_info=True)
        return None
    return text

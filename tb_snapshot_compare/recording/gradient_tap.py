"""Takes the gradients of chosen steps out of a Keras training on TensorFlow.

Callbacks do not see gradients. So the optimizer's `apply`, which Keras traces into the training
function, also copies what it is given into variables, where a switch says so: a step that is not
recorded pays for looking at the switch. The training function is traced anew when the tap is put
in for the first time; then there are two functions, and the next training of the same callback has
the one that was traced. Gradients are those of the last batch, before clipping.
"""

from collections.abc import Mapping
from typing import Any

from tb_snapshot_compare.recording.keras_arrays import inner_optimizer


class GradientTap:
    """The gradients of a model's trainable variables, at the steps at which it is open."""

    def __init__(self, model: Any, variables: Mapping[str, Any]) -> None:
        """Prepares.

        Args:
          model: Compiled, on TensorFlow.
          variables: Those of the model, by name.
        """
        self._model = model
        self._optimizer = inner_optimizer(model.optimizer)
        self._trainable = {name: each for name, each in variables.items() if each.trainable}
        self._kept: dict[str, Any] = {}
        self._given: set[str] = set()
        self._switch: Any = None
        self._was_applied: Any = None
        self._is_open = False
        self._apply: Any = None
        self._tapped: Any = None
        """The training functions with the tap, and without it."""
        self._untapped: Any = None

    @staticmethod
    def is_possible(model: Any) -> bool:
        """Whether gradients can be taken: not where several replicas train together."""
        import tensorflow as tf

        strategy = getattr(model, "distribute_strategy", None)
        alone = strategy is None or strategy.num_replicas_in_sync == 1
        return alone and not tf.distribute.has_strategy() and hasattr(model.optimizer, "apply")

    def fits(self, model: Any, variables: Mapping[str, Any]) -> bool:
        """Whether it can be put in again: nothing was compiled or built since."""
        trainable = {name: each for name, each in variables.items() if each.trainable}
        return (
            self._tapped is not None
            and self._model is model
            and self._model.train_function is self._untapped
            and self._optimizer is inner_optimizer(self._model.optimizer)
            and list(trainable) == list(self._trainable)
            and all(each is self._trainable[name] for name, each in trainable.items())
        )

    def put_in(self) -> None:
        """From the next step on."""
        self._untapped = self._model.train_function
        if self._tapped is None:
            self._apply = self._make()
            self._optimizer.apply = self._apply
            self._model.make_train_function(force=True)
            self._tapped = self._model.train_function
        else:
            self._optimizer.apply = self._apply
            self._model.train_function = self._tapped

    def _make(self) -> Any:
        """The optimizer's `apply`, which also keeps what it is given."""
        import tensorflow as tf

        apply = self._optimizer.apply
        optimizer = self._optimizer
        given_names = self._given
        self._switch = switch = tf.Variable(False, trainable=False)
        self._was_applied = was_applied = tf.Variable(False, trainable=False)
        self._kept = kept = {
            name: tf.Variable(tf.zeros(each.shape, each.dtype), trainable=False)
            for name, each in self._trainable.items()
        }
        places = {id(each): (name, kept[name]) for name, each in self._trainable.items()}

        def tapped(grads: Any, trainable_variables: Any = None) -> Any:
            given = list(grads)
            owners = None if trainable_variables is None else list(trainable_variables)
            scale = getattr(optimizer, "loss_scale_factor", None)

            def keep() -> Any:
                for gradient, owner in zip(given, owners or (), strict=False):
                    name, place = places.get(id(owner), ("", None))
                    if place is None:
                        continue
                    given_names.add(name)
                    if gradient is not None:  # else the loss does not depend on it: 0
                        value = tf.cast(tf.convert_to_tensor(gradient), place.dtype)
                        place.assign(value / scale if scale else value)
                was_applied.assign(True)
                return tf.constant(0)

            tf.cond(switch, keep, lambda: tf.constant(0))
            return apply(given, owners)

        return tapped

    def open(self, is_open: bool) -> None:
        """Whether the next steps' gradients are kept."""
        if is_open:
            self._was_applied.assign(False)
        if is_open != self._is_open:
            self._switch.assign(is_open)
            self._is_open = is_open

    def gradients(self) -> dict[str, Any]:
        """Those of the last step since it was opened, of the variables that the optimizer trains.

        None where it is not open, and where the optimizer was not asked to apply any: where the
        model trains with another one, or a scaled loss overflowed.
        """
        if not self._is_open or not self._was_applied.numpy():
            return {}
        return {name: each for name, each in self._kept.items() if name in self._given}

    def take_out(self) -> None:
        """The optimizer and the model are as they were, unless the model was compiled since."""
        self.open(False)
        if "apply" in vars(self._optimizer):
            del self._optimizer.apply
        if self._model.train_function is self._tapped:
            self._model.train_function = self._untapped

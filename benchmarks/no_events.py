"""A TensorBoard without event files."""

from collections.abc import Sequence


class NoEvents:
    """TensorBoard has read nothing."""

    def keras_configs(self, event_runs: Sequence[str]) -> Sequence[str]:
        del event_runs
        return ()

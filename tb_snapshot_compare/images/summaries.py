"""Pictures that a training program wrote for TensorBoard's Images tab."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SummaryImage:
    """Picture number `index` of the newest step of a tag; `key` is what fetches its bytes."""

    run: str
    tag: str
    step: int
    index: int
    wall_time: float
    key: str
    width: int
    height: int

    @property
    def id(self) -> str:
        """Opaque; changes when the tag gets a newer step."""
        what = repr((self.run, self.tag, self.step, self.index, self.wall_time))
        return hashlib.blake2b(what.encode(), digest_size=12).hexdigest()


class SummarySource(Protocol):
    """What TensorBoard has read of a run."""

    def image_summaries(self, event_runs: Sequence[str]) -> Sequence[SummaryImage]:
        """The newest pictures of every tag of the runs, by run and tag."""

    def image_bytes(self, image: SummaryImage) -> bytes | None:
        """The file of a picture, None where TensorBoard has it no more."""

"""How findings speak of layers, steps and numbers."""

from collections.abc import Sequence

_NAMED = 3


def named(paths: Sequence[str], what: str = "layers") -> str:
    """`conv1, conv2, conv3 and 4 more layers`."""
    shown = [path or "the whole model" for path in paths[:_NAMED]]
    left = len(paths) - len(shown)
    if left:
        return f"{', '.join(shown)} and {left:,} more {what}"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def between(first: int, last: int, axis: str) -> str:
    """`at step 1,600`, or `from step 1,600 to 3,200`."""
    if first == last:
        return f"at {axis} {first:,}"
    return f"from {axis} {first:,} to {last:,}"


def counted(count: int, one: str, many: str) -> str:
    """`1 filter`, `1,200 filters`."""
    return f"{count:,} {one if count == 1 else many}"

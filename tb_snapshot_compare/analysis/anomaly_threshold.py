"""How many images make an anomaly, from the data: a threshold with a stated rate of false alarms.

A false alarm is a pass at which some class reaches the threshold on a side although nothing
happened. What decides is the *maximum* of a pass: the largest count of any class. So its
distribution is estimated, from the body of what was seen, and followed into its tail:

- The level of the maxima changes as training goes on. It is the mean of the middle half of the
  maxima around a pass; their spread grows as the square root of the level, as counts' does.
- Around the level the maxima follow a Gumbel distribution, the limit for maxima of many (Fisher
  and Tippett 1928), rounded to whole numbers.
- At most a tenth of the passes are taken to be abnormal. Location and scale come from the
  likelihood of the other maxima, given that they are no larger than the largest of those (an
  empirical null, as in Efron, "Large-scale simultaneous hypothesis testing", JASA 99, 2004), and
  from there being no more larger ones than were seen. So it does not matter how large the abnormal
  ones are.
- The chance of a count is its mean over all locations and scales, weighted by their likelihood.
  Few passes thus give a higher threshold.

Classes may differ, and may move together: neither is assumed away, as only maxima are looked at.

In simulations (1 to 1000 classes, 60 to 757 passes; Poisson and negative binomial counts, classes
that differ a hundredfold, stages of training) false alarms were as rare as stated or rarer. They
were up to 1.5 times as many where whole passes are noisier than others by a log-normal factor of
0.5, and up to seven times in runs of 60 to 100 passes with a noisy stage of a seventh of them,
which cannot be told from abnormal passes. Where one class decides, thresholds are up to 1.6 times
as high as they need be, since one count has a lighter tail than a maximum.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import AnomalyCounts

PER_THOUSAND_DEFAULT = 1.0
PASSES_MIN = 20
"""Fewer say too little of their own distribution."""
LEAST_THRESHOLD = 3
"""Two images that change together say nothing, however rare that is."""
_MOST_THRESHOLD = 1 << 31

_ABNORMAL = 0.1
_RESERVE = 3.0
"""So many times fewer false alarms are planned for than allowed: tails may be heavier than
Gumbel's."""
_LEVEL_REACH = (10, 25)
"""Passes on either side that make the level: an eighth of all, within these limits. A stage of
training that is shorter than half of that counts as abnormal."""
_LEVEL_STEPS = 40
"""Levels are told apart to a fortieth of the unit of their spread."""
_CUT_MIN = 3.0
"""Counts of up to three are never cut off, or rare ones could not be told from none."""
_GRID = 25
_LIKELY = 15.0
"""Parameters whose logarithmic likelihood is further below the best are left out."""
_IMPOSSIBLE = -50.0
"""The logarithm of a chance that no fitting distribution gives to usual counts."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SuggestedThreshold:
    """A threshold, and the false alarms in a thousand passes that are expected with it at most.

    `passes` is how many maxima it was estimated from: one for each pass and known side.
    """

    threshold: int
    per_thousand: float
    passes: int


def suggested_threshold(
    counts: AnomalyCounts, per_thousand: float = PER_THOUSAND_DEFAULT
) -> SuggestedThreshold | None:
    """The least threshold with at most so many false alarms.

    Takes about 0.05 s for 757 passes, whatever the number of classes, and up to 1.5 s where counts
    are in the thousands.

    Args:
      counts: of all classes, or of the model as a whole.
      per_thousand: passes with a false alarm, of a thousand; left and right alarms are counted
        apart, all classes together.

    Returns:
      None where fewer than `PASSES_MIN` passes can have anomalies on either side.

    Raises:
      ValueError: `per_thousand` is not above 0 and below 1000.
    """
    if not 0 < per_thousand < 1000:
        raise ValueError(f"{per_thousand} false alarms in 1000 passes: want between 0 and 1000")
    sides = [counts.left[:, counts.left_known], counts.right[:, counts.right_known]]
    if not counts.left.shape[0] or max(side.shape[1] for side in sides) < PASSES_MIN:
        return None
    series = [side.max(axis=0).astype(np.float64) for side in sides if side.shape[1]]
    levels = [_levels(values) for values in series]
    body = _Body.of(np.concatenate(series), np.concatenate(levels))
    tail = _Tail(body, *_likely_parameters(body))

    def alarms(threshold: int) -> float:
        return 1000 * len(series) * _RESERVE * tail.chance(threshold)

    candidates = range(LEAST_THRESHOLD, _MOST_THRESHOLD)
    place = bisect_left(candidates, -per_thousand, key=lambda threshold: -alarms(threshold))
    threshold = LEAST_THRESHOLD + place
    return SuggestedThreshold(threshold, alarms(threshold), body.total)


def _levels(maxima: Floats) -> Floats:
    """The mean of the middle half of the values around each, `[passes]`."""
    least, most = _LEVEL_REACH
    reach = min(max(maxima.size // 8, least), most)
    width = min(2 * reach + 1, maxima.size)
    around = np.sort(np.lib.stride_tricks.sliding_window_view(maxima, width), axis=1)
    middle = around[:, width // 4 : width - width // 4].mean(axis=1)
    ends = np.arange(maxima.size) - width // 2
    levels: Floats = middle[ends.clip(0, middle.size - 1)]
    return levels


@dataclass(frozen=True, slots=True)
class _Body:
    """Distinct maxima with their levels and cuts, and how often each is: all float64 `[n]`.

    What is above its cut may be abnormal.
    """

    maxima: Floats
    levels: Floats
    cuts: Floats
    counts: Floats

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @classmethod
    def of(cls, maxima: Floats, levels: Floats) -> "_Body":
        levels = np.square((np.sqrt(levels) * _LEVEL_STEPS).round() / _LEVEL_STEPS)
        places = _places(maxima, levels)
        usual = np.quantile(places, 1 - _ABNORMAL, method="higher")
        reach = np.floor(levels + _units(levels) * usual - 0.5 + 1e-9)
        cuts = np.maximum(reach + 1, _CUT_MIN)
        rows, counts = np.unique(np.stack([maxima, levels, cuts]), axis=1, return_counts=True)
        return cls(rows[0], rows[1], rows[2], counts.astype(np.float64))


def _units(levels: Floats) -> Floats:
    units: Floats = np.sqrt(levels + 0.5)
    return units


def _places(counts: Floats, levels: Floats) -> Floats:
    """Where the upper borders of whole numbers lie, from their levels, in units."""
    places: Floats = (counts + 0.5 - levels) / _units(levels)
    return places


def _log_below(places: Floats, location: Floats, scale: Floats) -> Floats:
    """The logarithm of Gumbel's distribution function, `[places, parameters]`."""
    logs: Floats = -np.exp(np.clip((location - places[:, None]) / scale, -700.0, 60.0))
    return logs


def _log_likelihood(body: _Body, location: Floats, scale: Floats) -> Floats:
    """Of parameters `[parameters]`, but for a constant."""
    used = body.maxima <= body.cuts
    maxima, levels = body.maxima[used], body.levels[used]
    upper = _log_below(_places(maxima, levels), location, scale)
    lower = _log_below(_places(maxima - 1, levels), location, scale)
    lower[maxima == 0] = -np.inf
    most = _log_below(_places(body.cuts, body.levels), location, scale)
    share = np.maximum(-np.expm1(lower - upper), 1e-300)
    likelihood: Floats = body.counts[used] @ (upper + np.log(share) - most[used])
    likelihood += _log_chance_beyond(body, body.counts @ -np.expm1(most) / body.counts.sum())
    likelihood[most.min(axis=0) < _IMPOSSIBLE] = -np.inf
    return likelihood


def _log_chance_beyond(body: _Body, beyond: Floats) -> Floats:
    """Of so few maxima beyond the cuts as there are, where `beyond` is the chance of one.

    0 where as many are to be expected, or fewer: the others are abnormal.
    """
    below = float(body.counts[body.maxima <= body.cuts].sum())
    above = body.total - below
    share = max(above / body.total, 1e-300)
    best = below * np.log(below / body.total) + above * np.log(share)
    chance = beyond.clip(1e-300, 1 - 1e-16)
    log_chance = below * np.log1p(-chance) + above * np.log(chance) - best
    return np.where(beyond > above / body.total, log_chance, 0.0)


def _likely_parameters(body: _Body) -> tuple[Floats, Floats, Floats]:
    """Locations, scales and their weights, which sum to 1: a grid about the best, made finer."""
    places = _places(body.maxima, body.levels)
    order = np.argsort(places, kind="stable")
    shares = body.counts[order].cumsum() / body.counts.sum()
    low, middle, high = (places[order][np.searchsorted(shares, q)] for q in (0.25, 0.5, 0.75))
    spread = max(high - low, 0.3) / 1.5
    locations = np.linspace(middle - 4 * spread, middle + 4 * spread, _GRID)
    scales = np.geomspace(spread / 30, spread * 6, _GRID)
    for _ in range(4):
        location, scale, likelihood = _on_grid(body, locations, scales)
        likely = likelihood > -_LIKELY
        locations = _finer(locations, location[likely])
        scales = np.exp(_finer(np.log(scales), np.log(scale[likely])))
    location, scale, likelihood = _on_grid(body, locations, scales)
    weights = np.exp(likelihood)
    kept = weights > 1e-9
    return location[kept], scale[kept], weights[kept] / weights[kept].sum()


def _on_grid(body: _Body, locations: Floats, scales: Floats) -> tuple[Floats, Floats, Floats]:
    """Every pair, with its logarithmic likelihood relative to the best."""
    location, scale = (axis.ravel() for axis in np.meshgrid(locations, scales))
    likelihood = _log_likelihood(body, location, scale)
    return location, scale, likelihood - likelihood.max()


def _finer(axis: Floats, likely: Floats) -> Floats:
    """As many points, from two steps below the least likely value to two above the greatest."""
    step = 2 * (axis[1] - axis[0])
    return np.linspace(likely.min() - step, likely.max() + step, axis.size)


@dataclass(frozen=True, slots=True)
class _Tail:
    """The chance of large maxima, over all levels and likely parameters."""

    body: _Body
    locations: Floats
    scales: Floats
    weights: Floats

    def chance(self, count: int) -> float:
        """That the maximum of a pass and side is at least `count`."""
        levels, where = np.unique(self.body.levels, return_inverse=True)
        shares = np.bincount(where.ravel(), self.body.counts) / self.body.counts.sum()
        below = _log_below(_places(np.asarray(count - 1.0), levels), self.locations, self.scales)
        return float(shares @ -np.expm1(below) @ self.weights)

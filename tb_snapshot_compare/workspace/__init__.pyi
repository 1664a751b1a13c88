from .comparing import EVERYTHING, WEIGHTS, compare, find_layer
from .compiling import load_without_blas
from .contents import Contents
from .distributing import distribution
from .indexing import IndexedRun, IndexProgress, index_runs
from .library import EventSource, Workspace
from .match_files import Match, format_matches, parse_matches
from .matching import Matching, MatchTarget, Unmatched, match, pair_architecture
from .opening import (
    OpenedSnapshot,
    PairArchitecture,
    RunSources,
    Scan,
    list_snapshots,
    open_ref,
    open_snapshot,
    probe,
)
from .patching import Patching
from .probe_images import ADVICE, ProbeImages, SummaryImage, SummarySource
from .probing import Probing
from .results import (
    Comparison,
    Coverage,
    Distribution,
    FilterMeasures,
    LayerDifference,
    LeftOut,
    SnapshotSummary,
    TensorDifference,
)
from .streaming import Progress
from .training import Trainings
from .training_answers import TrainingAnswers
from .training_correlation import CorrelationRule
from .training_values import ScalarSeries
from .trend import Trends
from .trend_values import RunTrend, TrendPair
from .turns import Turns

__all__ = [
    "ADVICE",
    "EVERYTHING",
    "WEIGHTS",
    "Comparison",
    "Contents",
    "CorrelationRule",
    "Coverage",
    "Distribution",
    "EventSource",
    "FilterMeasures",
    "IndexProgress",
    "IndexedRun",
    "LayerDifference",
    "LeftOut",
    "Match",
    "MatchTarget",
    "Matching",
    "OpenedSnapshot",
    "PairArchitecture",
    "Patching",
    "ProbeImages",
    "Probing",
    "Progress",
    "RunSources",
    "RunTrend",
    "ScalarSeries",
    "Scan",
    "SnapshotSummary",
    "SummaryImage",
    "SummarySource",
    "TensorDifference",
    "TrainingAnswers",
    "Trainings",
    "TrendPair",
    "Trends",
    "Turns",
    "Unmatched",
    "Workspace",
    "compare",
    "distribution",
    "find_layer",
    "format_matches",
    "index_runs",
    "list_snapshots",
    "load_without_blas",
    "match",
    "open_ref",
    "open_snapshot",
    "pair_architecture",
    "parse_matches",
    "probe",
]

"""The only module that joins the stages: what the page, the command line and Python call."""

from tb_snapshot_compare.analysis.loading import load_without_blas
from tb_snapshot_compare.images.summaries import SummaryImage, SummarySource
from tb_snapshot_compare.sources import RunSources, Scan
from tb_snapshot_compare.workspace.comparing import EVERYTHING, WEIGHTS, compare, find_layer
from tb_snapshot_compare.workspace.contents import Contents
from tb_snapshot_compare.workspace.distributing import distribution
from tb_snapshot_compare.workspace.indexing import IndexedRun, IndexProgress, index_runs
from tb_snapshot_compare.workspace.library import EventSource, Workspace
from tb_snapshot_compare.workspace.match_files import (
    Match,
    format_matches,
    parse_matches,
)
from tb_snapshot_compare.workspace.matching import (
    Matching,
    MatchTarget,
    Unmatched,
    match,
    pair_architecture,
)
from tb_snapshot_compare.workspace.opening import (
    OpenedSnapshot,
    PairArchitecture,
    list_snapshots,
    open_ref,
    open_snapshot,
    probe,
)
from tb_snapshot_compare.workspace.patching import Patching
from tb_snapshot_compare.workspace.probe_images import ADVICE, ProbeImages
from tb_snapshot_compare.workspace.probing import Probing
from tb_snapshot_compare.workspace.results import (
    Comparison,
    Coverage,
    Distribution,
    FilterMeasures,
    LayerDifference,
    LeftOut,
    SnapshotSummary,
    TensorDifference,
)
from tb_snapshot_compare.workspace.streaming import Progress as ProgressReport
from tb_snapshot_compare.workspace.training import Trainings
from tb_snapshot_compare.workspace.training_answers import TrainingAnswers
from tb_snapshot_compare.workspace.training_correlation import CorrelationRule
from tb_snapshot_compare.workspace.training_values import ScalarSeries
from tb_snapshot_compare.workspace.trend import Trends
from tb_snapshot_compare.workspace.trend_values import RunTrend, TrendPair
from tb_snapshot_compare.workspace.turns import Turns

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
    "ProgressReport",
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

"""What slipped through: estimates from labels drawn by design, intervals that hold at all times, the breaker."""

from hitl_core.audit.auditor import Auditor, Failure
from hitl_core.audit.estimate import ErrorEstimate, Share, estimate_error
from hitl_core.audit.monitor import BreachMonitor, Watch, watch_rows
from hitl_core.audit.prediction_powered import PredictionPowered, prediction_powered_mean
from hitl_core.audit.segments import SegmentState, SequencePoint
from hitl_core.audit.sequence import ConfidenceSequence, clean_rows_needed

__all__ = [
    "Auditor",
    "BreachMonitor",
    "ConfidenceSequence",
    "ErrorEstimate",
    "Failure",
    "PredictionPowered",
    "SegmentState",
    "SequencePoint",
    "Share",
    "Watch",
    "clean_rows_needed",
    "estimate_error",
    "prediction_powered_mean",
    "watch_rows",
]

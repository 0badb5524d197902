"""Is .8 really .8, and which threshold is safe: calibration measured, repaired, and thresholds with a guarantee."""

from hitl_core.calibration.measures.binning import Strategy
from hitl_core.calibration.measures.calibration_error import (
    debiased_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    perfect_forecaster_error,
)
from hitl_core.calibration.measures.reliability import reliability_table
from hitl_core.calibration.measures.scores import BrierScore, auroc, brier_score, log_loss
from hitl_core.calibration.measures.smooth import smooth_calibration_error
from hitl_core.calibration.recalibrating.calibrator import CalibrationMethod, Calibrator
from hitl_core.calibration.recalibrating.origin import CalibratorOrigin, reference_histogram, stale
from hitl_core.calibration.recalibrating.reading import calibrator_from_json
from hitl_core.calibration.recalibrating.segmented import SegmentedCalibrator, fit_segmented_calibrator
from hitl_core.calibration.recalibrating.selection import fit_calibrator
from hitl_core.calibration.recalibrating.venn_abers import VennAbers, fit_venn_abers
from hitl_core.calibration.rows import Estimate
from hitl_core.calibration.thresholds.cascade import CascadeResult, answering_tier, choose_cascade_thresholds
from hitl_core.calibration.thresholds.certificate import ThresholdCertificate, issue_certificate, rows_digest
from hitl_core.calibration.thresholds.choosing import choose_threshold
from hitl_core.calibration.thresholds.exact_tests import Step, clean_rows
from hitl_core.calibration.thresholds.fixed import RampStep, certify_threshold, next_ramp_step
from hitl_core.calibration.thresholds.label_error import LabelError
from hitl_core.calibration.thresholds.ledger import DeltaLedger, LedgerEntry
from hitl_core.calibration.thresholds.result import ThresholdResult
from hitl_core.calibration.thresholds.segments import SegmentThresholds, choose_thresholds_by_segment
from hitl_core.calibration.thresholds.slider import slider_bounds

__all__ = [
    "BrierScore",
    "CalibrationMethod",
    "Calibrator",
    "CalibratorOrigin",
    "CascadeResult",
    "DeltaLedger",
    "Estimate",
    "LabelError",
    "LedgerEntry",
    "RampStep",
    "SegmentThresholds",
    "SegmentedCalibrator",
    "Step",
    "Strategy",
    "ThresholdCertificate",
    "ThresholdResult",
    "VennAbers",
    "answering_tier",
    "auroc",
    "brier_score",
    "calibrator_from_json",
    "certify_threshold",
    "choose_cascade_thresholds",
    "choose_threshold",
    "choose_thresholds_by_segment",
    "clean_rows",
    "debiased_calibration_error",
    "expected_calibration_error",
    "fit_calibrator",
    "fit_segmented_calibrator",
    "fit_venn_abers",
    "issue_certificate",
    "log_loss",
    "maximum_calibration_error",
    "next_ramp_step",
    "perfect_forecaster_error",
    "reference_histogram",
    "reliability_table",
    "rows_digest",
    "slider_bounds",
    "smooth_calibration_error",
    "stale",
]

"""One entry point for a calibrator kept as JSON, whichever kind it is."""

from __future__ import annotations

import json

from hitl_core.calibration.recalibrating.calibrator import Calibrator
from hitl_core.calibration.recalibrating.segmented import FORMAT, SegmentedCalibrator
from hitl_core.domain.errors import InputError


def calibrator_from_json(text: str) -> Calibrator | SegmentedCalibrator:
    """Read a calibrator; both kinds have `.apply(confidence, segments=None)`, `.n`, `.origin` and `.to_json()`.

    Raises:
        InputError: the text is no calibrator that this program reads.
    """
    try:
        content = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"a calibrator must be JSON as written by to_json; {error}") from error
    segmented = isinstance(content, dict) and content.get("format") == FORMAT
    return SegmentedCalibrator.from_json(text) if segmented else Calibrator.from_json(text)

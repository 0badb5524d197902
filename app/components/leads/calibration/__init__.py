"""Parts of the Calibration page: what is looked at, the curve, the slider, findings, versions."""

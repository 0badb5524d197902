"""What each figure of a period means: numerator, denominator, weights, unit and target, in one place.

Pages show these texts behind a "?", `hitl stats --since` prints the same names, and `metrics.py` computes them.
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """One figure; `target` is what the product aims at, `better` on which side of it, `unit` is "", "s" or "USD"."""

    name: str
    title: str
    meaning: str
    unit: str = ""
    target: float | None = None
    better: str = ""

    @property
    def percent(self) -> bool:
        """Whether it is a share, which people read in per cent."""
        return not self.unit and self.name not in ("outputs", "calibration_error", "f1")


DEFINITIONS = (
    Definition("outputs", "Outputs", "Outputs decided about in the period; a later decision replaces an earlier one."),
    Definition(
        "human_review_rate",
        "Human review rate",
        "Outputs whose decision sends them to a person, over all outputs. Blind audits do not count.",
        target=0.10,
        better="lower",
    ),
    Definition(
        "auto_approval_rate", "Auto-approval rate", "Outputs that went out by themselves, over all outputs.", better=""
    ),
    Definition(
        "correction_rate",
        "Correction rate",
        "Outputs that review settled as wrong (edited for more than style, or rejected; of several opinions the "
        "senior's, else the majority's), over all outputs. Blind audits do not count.",
        target=0.05,
        better="lower",
    ),
    Definition("approval_rate", "Approval rate", "Reviews that approve, over all reviews that were not taken back."),
    Definition("modification_rate", "Modification rate", "Reviews that edit, over all reviews not taken back."),
    Definition("rejection_rate", "Rejection rate", "Reviews that reject, over all reviews not taken back."),
    Definition(
        "override_rate",
        "Override rate",
        "Reviews that say the output was wrong (an edit for style alone does not), over all reviews not taken back.",
    ),
    Definition(
        "review_seconds_median",
        "Time to review, median",
        "Seconds of active work on one review; reviews without a measured time are left out.",
        unit="s",
        target=120.0,
        better="lower",
    ),
    Definition(
        "review_seconds_p95", "Time to review, 95th percentile", "As the median, for the slowest 5 %.", unit="s"
    ),
    Definition(
        "turnaround_seconds_median",
        "Turnaround, median",
        "Seconds from the opening of a task to its review, for tasks that people waited for (no audits).",
        unit="s",
    ),
    Definition(
        "sla_compliance",
        "SLA compliance",
        "Reviews given before their task was due, over reviews of tasks that were due at some time.",
        target=0.95,
        better="higher",
    ),
    Definition(
        "accuracy",
        "Accuracy of outputs",
        "Share of right outputs among all, estimated from labels drawn by design: each weighs 1 / its inclusion "
        "probability (1 for reviewed outputs, the audit rate for the rest). Left out while no audit, or no review, "
        "came back. Interval: Wilson on the effective n.",
        better="higher",
    ),
    Definition(
        "escaped_error_rate",
        "Escaped errors",
        "Share of wrong outputs among those that went out by themselves, from blind audits, weighted likewise.",
        target=0.05,
        better="lower",
    ),
    Definition(
        "calibration_error",
        "Calibration error",
        "Debiased expected calibration error of the confidence that decided, 15 bins, weighted likewise.",
        target=0.05,
        better="lower",
    ),
    Definition(
        "f1",
        "Quality (F1)",
        "F1 of letting an output go by itself, with right outputs as the positive class: 2 TP / (2 TP + FP + FN) over "
        "labels drawn by design, weighted likewise. The gain is its difference to the quarter before; the target is "
        "+5 points.",
        better="higher",
    ),
    Definition(
        "judge_cost_usd",
        "Cost of judges per output",
        "What the judges of the period's outputs cost, over all outputs; calls at an unknown price are not in it. "
        "Interval: central limit theorem.",
        unit="USD",
    ),
)
BY_NAME = {each.name: each for each in DEFINITIONS}

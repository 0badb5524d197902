"""`loop.calibration`: how well confidence is calibrated, thresholds with a guarantee, and publishing them.

Public: `CalibrationRoom`. Nothing of it is loaded before it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import NotFoundError
from hitl_core.loop.policy_book import LivePolicy, PolicyBook
from hitl_core.store.engine import Store

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.calibration import DeltaLedger
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.evidence import Evidence, Scope
    from hitl_core.loop.trust.finding import Finding, StoredCertificate
    from hitl_core.loop.trust.preview import MonthlyPrices
    from hitl_core.loop.trust.report import CalibrationReport

    Chosen = FittedCalibrator | str | None


@dataclass(frozen=True)
class CalibrationRoom:
    """Reads labels, fits calibrators, finds thresholds and publishes them with their certificates.

    Where a calibrator is asked for, give a `FittedCalibrator`, the key of one, or None for confidences as they came.

    Args:
        store: the database.
        clock: the time.
        book: the policies.
        closed_until: the moment before which labels should have arrived.
        actor: whose name publications carry.
    """

    store: Store
    clock: Clock
    book: PolicyBook
    closed_until: Callable[[], datetime]
    actor: str = "system"

    def acting_as(self, actor: str) -> CalibrationRoom:
        """Return the same room under another name."""
        return replace(self, actor=actor)

    def evidence(self, scope: Scope) -> Evidence:
        """Return the labels that statements about a scope rest on."""
        from hitl_core.loop.trust.evidence import read_evidence

        policy = self.book.live().policy
        with self.store.read() as tx:
            return read_evidence(tx, scope, policy, now=self.clock.now(), closed=self.closed_until())

    def report(self, scope: Scope, calibrator: Chosen = None, *, bins: int = 10) -> CalibrationReport:
        """Return reliability and every measure with n and interval: of confidences as they came, or recalibrated.

        Raises:
            InputError: there is no labelled row. NotFoundError: no such calibrator.
        """
        from hitl_core.loop.trust.report import make_report

        return make_report(self.evidence(scope), self.calibrator(calibrator), bins=bins)

    def calibrators(self, project: str = "default") -> list[FittedCalibrator]:
        """Return a project's calibrators, newest first."""
        from hitl_core.loop.trust.calibrating import read_calibrator
        from hitl_core.store.trust import artefacts

        with self.store.read() as tx:
            return [read_calibrator(each) for each in artefacts.listing(tx, project=project, kind="calibrator")]

    def calibrator(self, chosen: Chosen) -> FittedCalibrator | None:
        """Return the calibrator of a key; what is one already, and None, stay as they are.

        Raises:
            NotFoundError: there is none of that key.
        """
        from hitl_core.loop.trust.calibrating import read_calibrator
        from hitl_core.store.trust import artefacts

        if not isinstance(chosen, str):
            return chosen
        if not chosen:
            return None
        with self.store.read() as tx:
            found = artefacts.load(tx, chosen)
        if found is None or found.kind != "calibrator":
            raise NotFoundError(f"there is no calibrator with the key {chosen!r:.60}; fit one: hitl calibrate fit")
        return read_calibrator(found)

    def live_calibrator(self, project: str = "default") -> FittedCalibrator | None:
        """Return the calibrator that the live policy uses for a project, None where confidences count as they come."""
        return self.calibrator(self.book.live().policy.calibration.artefact)

    def fit(self, scope: Scope) -> FittedCalibrator:
        """Fit a calibrator on the labels that never certify and keep it as a new version; nothing uses it yet.

        Raises:
            InputError: too few labels; the message says how many are needed.
        """
        from hitl_core.loop.trust.calibrating import fit_project_calibrator

        by, evidence = self.book.live().policy.audit.segment_by, self.evidence(scope)
        with self.store.write() as tx:
            now = self.clock.now()
            return fit_project_calibrator(tx, evidence, segment_by=by, author=self.actor, now=now)

    def preview(
        self, scope: Scope, calibrator: Chosen = None, delta: float = 0.05, prices: MonthlyPrices | None = None
    ) -> pl.DataFrame:
        """Return what each position of a threshold would mean; see `trust.preview.preview_thresholds`."""
        from hitl_core.loop.trust.preview import MonthlyPrices, preview_thresholds

        fitted = self.calibrator(calibrator)
        return preview_thresholds(self.evidence(scope), fitted, delta=delta, prices=prices or MonthlyPrices())

    def find(
        self,
        scope: Scope,
        target_error: float = 0.05,
        confidence: float = 0.95,
        calibrator: Chosen = None,
        *,
        by: Sequence[str] = (),
    ) -> Finding:
        """Return the lowest threshold that can be certified; changes nothing.

        Args:
            scope: the project or part of it.
            target_error: largest acceptable share of wrong outputs among those that go by themselves.
            confidence: that the statement holds; 1 - confidence is what its publication takes from the ledger.
            calibrator: whose confidences the threshold is about.
            by: keys (domain, label, model): a threshold for each segment of the scope, right together.

        Raises:
            InputError: an option is out of range. NotFoundError: no such calibrator.
        """
        raise NotFoundError("thresholds cannot be found yet")

    def publish(self, finding: Finding, reason: str) -> LivePolicy:
        """Make a finding live: certificates, their price, the policy version and the events, all or nothing.

        Raises:
            InputError: nothing was certified, the reason is empty, or the ledger has too little left.
            ConflictError: somebody published another policy since the finding was made.
        """
        raise NotFoundError("thresholds cannot be published yet")

    def certificates(self, project: str | None = None) -> list[StoredCertificate]:
        """Return the certificates of a project (or of all), newest first, each with its state under the live policy."""
        raise NotFoundError("there is no certificate yet")

    def certificates_of(self, policy_version: int) -> list[StoredCertificate]:
        """Return the certificates that a policy version names, newest first.

        Raises:
            NotFoundError: the version was never published.
        """
        raise NotFoundError("there is no certificate yet")

    def certificate_of(self, policy_version: int) -> StoredCertificate | None:
        """Return the newest certificate that a policy version names, None where it names none.

        Raises:
            NotFoundError: the version was never published.
        """
        return next(iter(self.certificates_of(policy_version)), None)

    def ledger(self, project: str = "default") -> DeltaLedger:
        """Return what a project's certificates of the last year have spent, and of how much."""
        raise NotFoundError("there is no ledger yet")

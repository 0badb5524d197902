"""`loop.calibration`: how well confidence is calibrated, thresholds with a guarantee, and publishing them.

Public: `CalibrationRoom`. Nothing of it is loaded before it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import InputError, NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.loop.instruments import ended, load_calibrator
from hitl_core.loop.policy_book import LivePolicy, PolicyBook
from hitl_core.store.engine import Store

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from hitl_core.calibration import DeltaLedger
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.evidence import Evidence, Scope
    from hitl_core.loop.trust.finding import Finding, StoredCertificate
    from hitl_core.loop.trust.preview import MonthlyPrices
    from hitl_core.loop.trust.report import CalibrationReport
    from hitl_core.loop.trust.reviewers import ReviewerErrors

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

    def evidence(self, scope: Scope, *, decided: bool = False) -> Evidence:
        """Return the labels of a scope; `decided` leaves out what more telling overrides of the policy decide about."""
        from hitl_core.loop.trust.evidence import read_evidence

        policy, closed = self.book.live().policy, self.closed_until()
        with self.store.read() as tx:
            return read_evidence(tx, scope, policy, now=self.clock.now(), closed=closed, decided=decided)

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
        return self.calibrator(self.book.live().policy.calibration.artefact_of(project))

    def problem_of(self, fitted: FittedCalibrator) -> str:
        """Return why a calibrator may not be used any more (age, drift), empty where it may."""
        policy, now = self.book.live().policy, self.clock.now()
        with self.store.read() as tx:
            return self._ended(tx, policy, fitted, now)

    def reviewer_errors(self, project: str = "default", *, confidence: float = 0.95) -> ReviewerErrors:
        """Return how often a single reviewer errs, from a project's outputs that several people looked at.

        With these bounds in the policy (`labels.missed`, `labels.false_alarm`) certificates speak of errors.
        """
        from hitl_core.loop.trust.reviewers import reviewer_errors
        from hitl_core.store.trust.overlapping import first_and_settled

        cosmetic, closed = self.book.live().policy.labels.cosmetic_reasons, self.closed_until()
        with self.store.read() as tx:
            pairs = first_and_settled(tx, project, until=closed, cosmetic=cosmetic)
        return reviewer_errors(pairs, confidence)

    def fit(self, scope: Scope) -> FittedCalibrator:
        """Fit a calibrator on the labels that never certify and keep it as a new version; nothing uses it yet.

        It is fitted for the whole project, whatever part of it the scope names: parts get maps of their own in it.

        Raises:
            InputError: too few labels; the message says how many are needed.
        """
        from hitl_core.loop.trust.calibrating import fit_project_calibrator

        by, evidence = self.book.live().policy.audit.segment_by, self.evidence(replace(scope, where={}))
        with self.store.write() as tx:
            now = self.clock.now()
            return fit_project_calibrator(tx, evidence, segment_by=by, author=self.actor, now=now)

    def preview(
        self, scope: Scope, calibrator: Chosen = None, delta: float = 0.05, prices: MonthlyPrices | None = None
    ) -> pl.DataFrame:
        """Return what each position of a threshold would mean; see `trust.preview.preview_thresholds`."""
        from hitl_core.loop.trust.preview import MonthlyPrices, preview_thresholds

        fitted = self.calibrator(calibrator)
        return preview_thresholds(
            self.evidence(scope, decided=True), fitted, delta=delta, prices=prices or MonthlyPrices()
        )

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
        from hitl_core.loop.trust.evidence import read_rows
        from hitl_core.loop.trust.ledger import read_ledger
        from hitl_core.loop.trust.proposing import Given, Question, propose

        question = Question(scope, target_error, confidence, tuple(dict.fromkeys(by)))
        question.check()
        live, fitted, now = self.book.live(), self._for_project(calibrator, scope), self.clock.now()
        closed = self.closed_until()
        with self.store.read() as tx:
            rows, end = read_rows(tx, scope, live.policy, now=now, closed=closed)
            ledger = read_ledger(tx, scope.project, live.policy, now)
            stale = self._ended(tx, live.policy, fitted, now)
        return propose(question, Given(rows, end, live.policy, fitted, ledger, now, live.instruments.standings, stale))

    def publish(self, finding: Finding, reason: str) -> LivePolicy:
        """Make a finding live: certificates, their price, the policy version and the events, all or nothing.

        Raises:
            InputError: nothing was certified, the reason is empty, or the ledger has too little left.
            ConflictError: somebody published another policy since the finding was made.
        """
        from hitl_core.loop.trust.publishing import publish_finding

        fitted = self.calibrator(finding.calibrator)
        return publish_finding(self.book, finding, fitted, reason=reason, actor=self.actor, clock=self.clock.now)

    def certificates(self, project: str | None = None) -> list[StoredCertificate]:
        """Return the certificates of a project (or of all), newest first, each with its state under the live policy."""
        from hitl_core.loop.trust.publishing import stored_certificates

        live, now = self.book.live(), self.clock.now()
        with self.store.read() as tx:
            return stored_certificates(tx, live.policy, now, project=project, stale=self._stale(live, now))

    def certificates_of(self, policy_version: int) -> list[StoredCertificate]:
        """Return the certificates that a policy version names, newest first; an older version published again has them.

        Raises:
            NotFoundError: the version was never published.
        """
        from hitl_core.loop.trust.publishing import certificates_named

        live, now = self.book.live(), self.clock.now()
        with self.store.read() as tx:
            return certificates_named(tx, policy_version, live.policy, now, stale=self._stale(live, now))

    def certificate_of(self, policy_version: int) -> StoredCertificate | None:
        """Return the newest certificate that a policy version names, None where it names none.

        Raises:
            NotFoundError: the version was never published.
        """
        return next(iter(self.certificates_of(policy_version)), None)

    def ledger(self, project: str = "default") -> DeltaLedger:
        """Return what a project's certificates of the last year have spent, and of how much."""
        from hitl_core.loop.trust.ledger import read_ledger

        policy, now = self.book.live().policy, self.clock.now()
        with self.store.read() as tx:
            return read_ledger(tx, project, policy, now)

    def _for_project(self, chosen: Chosen, scope: Scope) -> FittedCalibrator | None:
        fitted = self.calibrator(chosen)
        if fitted is not None and fitted.artefact.project != scope.project:
            raise InputError(
                f"the calibrator {fitted.artefact.key} is of the project {fitted.artefact.project!r:.60}, "
                f"not of {scope.project!r:.60}; a calibrator holds for one project"
            )
        return fitted

    def _ended(self, tx: sa.Connection, policy: Policy, fitted: FittedCalibrator | None, now: datetime) -> str:
        """Return why a calibrator may not be used any more, empty where it may."""
        if fitted is None:
            return ""
        instrument = load_calibrator(tx, fitted.artefact.key, now)
        return ended(instrument, now, policy.calibration.max_age_days)

    def _stale(self, live: LivePolicy, now: datetime) -> Callable[[str], str]:
        days = live.policy.calibration.max_age_days
        return lambda project: ended(live.instruments.calibrator_for(project), now, days)

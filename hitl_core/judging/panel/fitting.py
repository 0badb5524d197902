"""Fit a weighted panel on labelled development rows, and say whether it beats its best member (pure).

Public: `fit_panel`, `folds_by_group`, `paired_gain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from hitl_core.domain.errors import InputError
from hitl_core.judging.panel.panel import Member, Panel
from hitl_core.stats import BootstrapEstimate, bootstrap_counts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BALLOTS = {"approve": 1, "reject": -1, "abstain": 0}
# A member's rates count as if the members' mean rate had been seen this often before.
PRIOR_ROWS = 10.0
# Pull of the weights towards nothing, as so many rows; it halves the weight of a judge that is there twice.
RIDGE_ROWS = 3.0
FOLDS = 5
LEAST_GROUPS = 20


class _Rates(NamedTuple):
    """Per member: sensitivity, specificity, and the log-odds of an approving and of a rejecting vote."""

    sensitivity: FloatArray
    specificity: FloatArray
    approve: FloatArray
    reject: FloatArray
    accuracy: FloatArray
    n: IntArray


class _Weights(NamedTuple):
    offset: float
    slopes: FloatArray
    rates: _Rates
    base_rate: float

    def log_odds(self, votes: IntArray) -> FloatArray:
        """Log-odds that each row is right."""
        return self.offset + _evidence(votes, self.rates) @ self.slopes


def fit_panel(
    votes: Mapping[str, Sequence[str]], right: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0
) -> Panel:
    """Fit a panel.

    Each vote is turned into the log-likelihood ratio of its member (from sensitivity and specificity, shrunk towards
    the members' mean), which would be the optimal weight were the members independent given the truth (Nitzan and
    Paroush, International Economic Review 23, 1982). They are not, so a ridge-penalised logistic regression with
    slopes of at least 0 is stacked on those ratios: two judges that say the same share one weight. Everything is
    repeated across group-disjoint folds; unless the paired interval of the accuracy difference to the best member
    (chosen in the same folds) clears zero, the panel uses its best member alone.

    Args:
        votes: "approve", "reject" or "abstain" by member, one a row.
        right: whether people found the output right, shape (rows,).
        groups: name of each row's group (a question, a document); rows of one group stay in one fold.
        seed: of folds and bootstrap.

    Raises:
        InputError: the arrays do not fit, there are fewer than 20 groups, or only one label occurs.
    """
    names = sorted(votes)
    ballots, truth, group = _checked(names, votes, right, groups)
    chosen_panel, chosen_best = np.zeros(truth.size), np.zeros(truth.size)
    for fold in folds_by_group(group, FOLDS, seed):
        fitted = _fit(ballots[~fold], truth[~fold])
        best = int(np.argmax(fitted.rates.accuracy))
        approved = fitted.log_odds(ballots[fold]) >= 0
        chosen_panel[fold] = approved == (truth[fold] > 0)
        chosen_best[fold] = _agrees(ballots[fold], truth[fold])[:, best]
    gain = paired_gain(chosen_panel, chosen_best, group, seed=seed)
    return _artefact(names, _fit(ballots, truth), gain, truth.size, int(np.unique(group).size))


def folds_by_group(groups: ArrayLike, folds: int, seed: int = 0) -> list[NDArray[np.bool_]]:
    """Return for each fold which rows are in it; a group's rows share a fold, whatever order the rows come in."""
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    of_group = np.random.default_rng(seed).permutation(names.size) % folds
    return [np.asarray(of_group[where] == fold, dtype=np.bool_) for fold in range(folds)]


def paired_gain(
    first: ArrayLike, second: ArrayLike, groups: ArrayLike, *, seed: int = 0, confidence: float = 0.95
) -> BootstrapEstimate:
    """Return the mean difference of two values on the same rows, with its interval by resampling groups."""
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    where = np.unique(np.asarray(groups), return_inverse=True)[1]
    sums = np.stack([np.bincount(where, difference), np.bincount(where).astype(np.float64)], axis=1)
    # Groups with the same sums are drawn together.
    patterns, counts = np.unique(sums, axis=0, return_counts=True)
    total, rows = patterns.T
    return bootstrap_counts(lambda drawn: (drawn @ total) / (drawn @ rows), counts, confidence=confidence, seed=seed)


def _checked(
    names: list[str], votes: Mapping[str, Sequence[str]], right: ArrayLike, groups: ArrayLike | None
) -> tuple[IntArray, FloatArray, IntArray]:
    truth = np.asarray(right, dtype=np.float64)
    rows = truth.size
    if len(names) < 2 or truth.ndim != 1 or any(len(votes[name]) != rows for name in names):
        raise InputError("a panel needs two or more members, each with one vote for each labelled row")
    if unknown := {vote for name in names for vote in votes[name]} - set(BALLOTS):
        raise InputError(f"a vote is approve, reject or abstain; got {sorted(map(str, unknown))[0]!r}")
    if not np.isin(truth, (0.0, 1.0)).all() or np.unique(truth).size < 2:
        raise InputError("labels must be true or false, and both must occur")
    group = np.arange(rows) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if group.shape != truth.shape or np.unique(group).size < LEAST_GROUPS:
        raise InputError(
            f"a panel needs one group a row and at least {LEAST_GROUPS} groups; got {np.unique(group).size}"
        )
    ballots = np.array([[BALLOTS[vote] for vote in votes[name]] for name in names], dtype=np.int64).T
    return ballots, truth, group.astype(np.int64)


def _fit(ballots: IntArray, truth: FloatArray) -> _Weights:
    rates = _rates(ballots, truth)
    evidence = _evidence(ballots, rates)
    members = ballots.shape[1]
    base_rate = float((truth.sum() + 1) / (truth.size + 2))
    start = np.concatenate([[special.logit(base_rate)], np.full(members, 1 / members)])

    def loss(beta: FloatArray) -> tuple[float, FloatArray]:
        z = beta[0] + evidence @ beta[1:]
        value = float(np.sum(np.logaddexp(0, z) - truth * z)) + RIDGE_ROWS / 2 * float(beta[1:] @ beta[1:])
        residual = special.expit(z) - truth
        return value, np.concatenate([[residual.sum()], evidence.T @ residual + RIDGE_ROWS * beta[1:]])

    bounds = [(None, None), *[(0.0, None)] * members]
    solved = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500}
    ).x
    return _Weights(float(solved[0]), np.asarray(solved[1:], dtype=np.float64), rates, base_rate)


def _rates(ballots: IntArray, truth: FloatArray) -> _Rates:
    """Sensitivity and specificity of each member, shrunk to the pooled rate; abstentions are left out."""
    good = truth[:, None] > 0
    hits, goods = ((ballots == 1) & good).sum(0), ((ballots != 0) & good).sum(0)
    rejections, bads = ((ballots == -1) & ~good).sum(0), ((ballots != 0) & ~good).sum(0)
    sensitivity, specificity = _shrunk(hits, goods), _shrunk(rejections, bads)
    accuracy = _agrees(ballots, truth).mean(axis=0)
    approve = np.log(sensitivity / (1 - specificity))
    reject = np.log((1 - sensitivity) / specificity)
    return _Rates(sensitivity, specificity, approve, reject, accuracy, (goods + bads).astype(np.int64))


def _shrunk(hits: NDArray[np.int64], n: NDArray[np.int64]) -> FloatArray:
    pooled = (hits.sum() + 1) / (n.sum() + 2)
    return np.asarray((hits + PRIOR_ROWS * pooled) / (n + PRIOR_ROWS), dtype=np.float64)


def _evidence(ballots: IntArray, rates: _Rates) -> FloatArray:
    return np.where(ballots == 1, rates.approve, np.where(ballots == -1, rates.reject, 0.0))


def _agrees(ballots: IntArray, truth: FloatArray) -> NDArray[np.bool_]:
    """Which votes are right; an abstention is not."""
    return np.asarray(ballots == np.where(truth > 0, 1, -1)[:, None], dtype=np.bool_)


def _artefact(names: list[str], fitted: _Weights, gain: BootstrapEstimate, rows: int, groups: int) -> Panel:
    rates = fitted.rates
    members = tuple(
        Member(
            name,
            float(rates.sensitivity[at]),
            float(rates.specificity[at]),
            float(fitted.slopes[at] * rates.approve[at]),
            float(fitted.slopes[at] * rates.reject[at]),
            int(rates.n[at]),
        )
        for at, name in enumerate(names)
    )
    return Panel(
        members=members,
        offset=fitted.offset,
        base_rate=fitted.base_rate,
        uses="panel" if gain.low > 0 else "best",
        best=names[int(np.argmax(rates.accuracy))],
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        rows=rows,
        groups=groups,
    )

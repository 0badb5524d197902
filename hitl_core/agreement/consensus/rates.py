"""How often each rater finds a positive and a negative, where the truth itself is only believed.

The interval carries the doubt about the truth: the rates are those of a fitted Dawid-Skene model, and their errors come
from the observed information, estimated by the outer products of the tasks' scores (Louis, "Finding the observed
information matrix when using the EM algorithm", Journal of the Royal Statistical Society B 44, 1982; Berndt and others,
"Estimation and inference in nonlinear structural models", Annals of Economic and Social Measurement 3, 1974).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy import sparse, special

from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.consensus.votes import Votes, VotesLike, read_votes
from hitl_core.agreement.ratings import FloatArray
from hitl_core.domain.errors import InputError

# Information below this is none: the votes do not tell the rate, and its interval is all of [0, 1].
LEAST_INFORMATION = 1e-4
# Estimates nearer to 0 or 1 have no logit.
EDGE = 1e-9


def rater_rates(
    votes: VotesLike, fit: ConsensusResult, *, positive: Any, smoothing: float = 0.0, confidence: float = 0.95
) -> pl.DataFrame:
    """Return each rater's sensitivity and specificity of a fit of two classes, with intervals.

    Intervals are on the logit scale or, where those are wider, exact binomial (Clopper and Pearson) at the same
    effective number of labels.

    Args:
        votes: what the fit was made of.
        fit: of `dawid_skene` with two classes.
        positive: the class whose finding is the sensitivity.
        smoothing: that of the fit.
        confidence: level of the intervals.

    Returns:
        polars.DataFrame: rater_id, sensitivity, sensitivity_low, sensitivity_high, positives (expected number among the
        tasks the rater labelled), specificity, specificity_low, specificity_high, negatives. Where the votes do not
        tell a rate (two raters alone never do) its interval is [0, 1].

    Raises:
        InputError: the fit has not two classes, or `positive` is none of them.
    """
    if len(fit.classes) != 2 or positive not in fit.classes:
        raise InputError(f"rates need two classes, one of them {positive!r}; the fit has {list(fit.classes)}")
    place = fit.classes.index(positive)
    read = read_votes(votes, categories=fit.classes)
    said, believed = read.label == place, fit.posterior[:, place]
    rates = np.array([[fit.confusion[rater][row, row] for row in (place, 1 - place)] for rater in read.raters]).T
    rates = np.clip(rates, EDGE, 1 - EDGE)
    prior = float(np.clip(fit.priors[place], EDGE, 1 - EDGE))
    errors = _errors(_scores(read, said, believed, rates, prior), _imagined(rates, prior) * smoothing)
    half = errors * special.ndtri((1 + confidence) / 2)
    middle = special.logit(rates)
    low, high = special.expit(middle - half), special.expit(middle + half)
    # Near 0 and 1 a logit is far from normal: each end goes as far as the exact binomial one at the same information.
    heard = 1 / (errors**2 * rates * (1 - rates))
    tail = (1 - confidence) / 2
    low = np.minimum(low, special.betaincinv(rates * heard, (1 - rates) * heard + 1, tail))
    high = np.maximum(high, special.betaincinv(rates * heard + 1, (1 - rates) * heard, 1 - tail))
    expected = [np.bincount(read.rater, p[read.task], len(read.raters)) for p in (believed, 1 - believed)]
    columns: dict[str, Any] = {"rater_id": read.raters}
    for row, (rate, count) in enumerate((("sensitivity", "positives"), ("specificity", "negatives"))):
        columns |= {rate: rates[row], f"{rate}_low": low[row], f"{rate}_high": high[row], count: expected[row]}
    return pl.DataFrame(columns, strict=False)


def _scores(votes: Votes, said: Any, believed: FloatArray, rates: FloatArray, prior: float) -> sparse.csr_array:
    """Derivatives of each task's log-likelihood by the logits of sensitivities, specificities and the prior."""
    raters, tasks = len(votes.raters), len(votes.tasks)
    p = believed[votes.task]
    finds = p * (said - rates[0, votes.rater])
    refuses = (1 - p) * (~said - rates[1, votes.rater])
    every = np.arange(tasks)
    value = np.concatenate([finds, refuses, believed - prior])
    row = np.concatenate([votes.task, votes.task, every])
    column = np.concatenate([votes.rater, votes.rater + raters, np.full(tasks, 2 * raters)])
    return sparse.csr_array((value, (row, column)), shape=(tasks, 2 * raters + 1))


def _imagined(rates: FloatArray, prior: float) -> FloatArray:
    """The outer products that one imagined label of each kind adds to each logit."""
    every = np.append(rates.ravel(), prior)
    return np.asarray(every**2 + (1 - every) ** 2, dtype=np.float64)


def _errors(scores: sparse.csr_array, imagined: FloatArray) -> FloatArray:
    """Standard errors of the logits, shape (2, raters)."""
    information = (scores.T @ scores).toarray() + np.diag(imagined)
    values, vectors = np.linalg.eigh(information)
    variance = (vectors**2) @ (1 / np.maximum(values, LEAST_INFORMATION))
    return np.asarray(np.sqrt(variance[:-1]).reshape(2, -1), dtype=np.float64)

"""Do raters agree, and who is right: kappa, alpha, AC1, Dawid-Skene, consensus (pure)."""

from hitl_core.agreement.coefficients.brennan_prediger import brennan_prediger
from hitl_core.agreement.coefficients.conger import conger_kappa
from hitl_core.agreement.coefficients.fleiss import fleiss_kappa
from hitl_core.agreement.coefficients.gwet import gwet_ac1
from hitl_core.agreement.coefficients.krippendorff import krippendorff_alpha
from hitl_core.agreement.coefficients.pair import cohen_kappa, scott_pi
from hitl_core.agreement.coefficients.pairwise import pairwise_kappa
from hitl_core.agreement.coefficients.percent import percent_agreement
from hitl_core.agreement.coefficients.resampled import bootstrap_agreement
from hitl_core.agreement.consensus.crowdlab import crowdlab
from hitl_core.agreement.consensus.dawid_skene import dawid_skene
from hitl_core.agreement.consensus.mace import mace
from hitl_core.agreement.consensus.majority import majority_vote
from hitl_core.agreement.consensus.raters import (
    VerdictAgreement,
    judge_against_people,
    rater_confusion,
    rater_table,
)
from hitl_core.agreement.consensus.rates import rater_rates
from hitl_core.agreement.consensus.result import ConsensusResult
from hitl_core.agreement.ratings import Ratings, read_ratings
from hitl_core.agreement.result import Agreement

__all__ = [
    "Agreement",
    "ConsensusResult",
    "Ratings",
    "VerdictAgreement",
    "bootstrap_agreement",
    "brennan_prediger",
    "cohen_kappa",
    "conger_kappa",
    "crowdlab",
    "dawid_skene",
    "fleiss_kappa",
    "gwet_ac1",
    "judge_against_people",
    "krippendorff_alpha",
    "mace",
    "majority_vote",
    "pairwise_kappa",
    "percent_agreement",
    "rater_confusion",
    "rater_rates",
    "rater_table",
    "read_ratings",
    "scott_pi",
]

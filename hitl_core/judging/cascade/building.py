"""From a policy's judging section to a cascade that can be asked.

Public: `build_cascade`, `MakeJudge`, `MakeAnswerer`, `MakeComparer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hitl_core.domain.errors import ConfigurationError, InputError
from hitl_core.domain.policy_judging import Committee as CommitteeSection
from hitl_core.domain.policy_judging import Judge, Judging
from hitl_core.judging.cascade.cascade import (
    CascadeTier,
    JudgeCascade,
    Thresholds,
    nobody_is_certified,
    policy_threshold,
)
from hitl_core.judging.committee.answering import AnswerCommittee, Answers, ComparesMeaning, Encode
from hitl_core.judging.committee.committee import Committee
from hitl_core.judging.opinion import Certified, Judges
from hitl_core.judging.panel.panel import Panel
from hitl_core.judging.recorded import load_recorded

MakeJudge = Callable[[str, Judge], Judges]
"""Makes the judge of a name from its section; called for `kind = "llm"` only, recorded judges are read here."""

MakeAnswerer = Callable[[str, Judge], Answers]
"""Makes a member that answers the query, for committees with `asks = "answer"`."""

MakeComparer = Callable[[str, Judge], ComparesMeaning]
"""Makes the judge of equivalence that a committee names in `same_meaning_by`."""

# A committee stops waiting for a member at this part of the deadline: a silent member costs no vote but its own.
PATIENCE = 0.8


def build_cascade(
    judging: Judging,
    make_judge: MakeJudge,
    *,
    certified: Certified = nobody_is_certified,
    thresholds: Thresholds = policy_threshold,
    make_answerer: MakeAnswerer | None = None,
    encode: Encode | None = None,
    make_comparer: MakeComparer | None = None,
) -> JudgeCascade:
    """Build the cascade that a policy describes; judges that no tier asks are not made.

    Args:
        judging: the section, with tiers; without any every item goes to a person.
        make_judge: makes a model judge.
        certified: says whether a verdict is covered by a valid certificate; without it nothing is ever accepted.
        thresholds: certified thresholds in the place of `accept_at`.
        make_answerer: makes members that answer; a committee with `asks = "answer"` needs it.
        encode: texts to embeddings; `same_meaning_at` needs it.
        make_comparer: makes judges of equivalence; `same_meaning_by` needs it.

    Raises:
        ConfigurationError: a file of verdicts or weights cannot be used, or what a committee needs was not given.
    """
    seats = _Seats(judging, make_judge, make_answerer, encode, make_comparer)
    try:
        return JudgeCascade(
            [CascadeTier(seats.tier(tier.judge), tier.accept_at) for tier in judging.tiers],
            certified=certified,
            thresholds=thresholds,
            budget_usd=judging.budget_usd_per_item,
            deadline_seconds=judging.deadline_seconds,
        )
    except ConfigurationError:
        raise
    except InputError as error:
        raise ConfigurationError(f"judging: {error}") from None


@dataclass
class _Seats:
    """Makes judges by name, each once."""

    judging: Judging
    make_judge: MakeJudge
    make_answerer: MakeAnswerer | None
    encode: Encode | None
    make_comparer: MakeComparer | None
    made: dict[str, Judges] = field(default_factory=dict)

    def tier(self, name: str) -> Judges:
        """Return the judge or committee that a tier names."""
        section = self.judging.committees.get(name)
        if section is None:
            return self._judge(name)
        return self._committee(name, section) if section.asks == "verdict" else self._answering(name, section)

    @property
    def _patience(self) -> float:
        return PATIENCE * self.judging.deadline_seconds

    def _committee(self, name: str, section: CommitteeSection) -> Committee:
        return Committee(
            name,
            [self._judge(member) for member in section.members],
            quorum=section.quorum,
            rule=section.rule,
            panel=_panel(name, section),
            timeout_seconds=self._patience,
        )

    def _answering(self, name: str, section: CommitteeSection) -> AnswerCommittee:
        if self.make_answerer is None:
            raise ConfigurationError(f"committee {name!r} is to answer, but nothing here makes its members answer")
        return AnswerCommittee(
            name,
            [self.make_answerer(member, self.judging.judges[member]) for member in section.members],
            quorum=section.quorum,
            rule="majority" if section.rule == "majority" else "unanimous",
            encode=None if section.same_meaning_at is None else self.encode,
            same_meaning_at=section.same_meaning_at,
            same_meaning=self._comparer(name, section.same_meaning_by),
            timeout_seconds=self._patience,
        )

    def _comparer(self, committee: str, name: str) -> ComparesMeaning | None:
        if not name:
            return None
        if self.make_comparer is None:
            raise ConfigurationError(
                f"committee {committee!r} wants {name!r} to compare answers, which nothing here makes"
            )
        return self.make_comparer(name, self.judging.judges[name])

    def _judge(self, name: str) -> Judges:
        if name not in self.made:
            section = self.judging.judges[name]
            recorded = section.kind == "recorded"
            self.made[name] = load_recorded(name, section.recorded)[0] if recorded else self.make_judge(name, section)
        return self.made[name]


def _panel(name: str, section: CommitteeSection) -> Panel | None:
    if not section.panel:
        return None
    try:
        return Panel.from_json(Path(section.panel).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the weights of committee {name!r}, {section.panel!r:.200}: {error}") from None

"""The judge: one model, one prompt, one item, one verdict; and the same for "do these two answers mean the same?".

Public: `LlmJudge`, `EquivalenceJudge`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hitl_core.domain.opinions import ConfidenceMethod, JudgeVerdict, Vote
from hitl_core.domain.policy_judging import Judge
from hitl_core.domain.records import GoldenExample, Item
from hitl_core.judging.chat import ChatModel
from hitl_core.judging.judge.asking import Answer
from hitl_core.judging.judge.combining import Opinion
from hitl_core.judging.judge.examples import choose_examples, snapshot_digest
from hitl_core.judging.judge.injection import injection_flags, instruction_like
from hitl_core.judging.judge.opining import Asked, fingerprint_of, method_of, opine
from hitl_core.judging.judge.prompt import Prompt, load_prompt
from hitl_core.judging.judge.reading import storable
from hitl_core.judging.judge.rendering import Subject, subject_of
from hitl_core.judging.opinion import HOLDING_FLAG

_WORD = {"yes": "approve", "no": "reject", "abstain": "abstain"}
LONGEST_REASON = 2_000


class LlmJudge:
    """Judges one output by a rubric; abstains, with the reason, whenever it cannot say. Its word alone decides nothing.

    An item whose output, query or passages contain instruction-like text is not shown to the model: the verdict is an
    abstention with the flag `injection:instruction_like_text`, which sends it to a person.

    Args:
        model: who is asked; limits, retries, budget and cache are its wrapping.
        config: how it is asked, from the policy.
        name: what the policy calls this judge.
        pool: snapshot of golden examples; each item is shown a balanced few that have nothing in common with it.
        groups: group of each example by its id; an example of the item's group is not shown.
        prompt: instead of the file that the policy names.
        screening: False shows the model what is flagged, and flags nothing: only for measuring how it stands attacks.
    """

    def __init__(
        self,
        model: ChatModel,
        config: Judge,
        *,
        name: str,
        pool: Sequence[GoldenExample] = (),
        groups: Mapping[str, str] | None = None,
        prompt: Prompt | None = None,
        screening: bool = True,
    ) -> None:
        self.name = name
        self.prompt = prompt or load_prompt(config.prompt)
        self.method: ConfidenceMethod = method_of(model, config)
        self.fingerprint = fingerprint_of(model, config, self.prompt, snapshot_digest(pool))
        self._model, self._config = model, config
        self._pool, self._groups = tuple(pool), groups
        self._screening = screening

    async def judge(self, item: Item, *, examples: Sequence[GoldenExample] | None = None) -> JudgeVerdict:
        """Return the verdict on an item; bad replies and failing models are abstentions, never exceptions.

        Args:
            item: what is judged.
            examples: candidates for the few-shot set instead of the pool; the verdict's fingerprint names them.
        """
        flags = injection_flags(item) if self._screening else ()
        if flags:
            return self._verdict(item, Opinion(verdict="abstain", reason=_flagged(flags), flags=flags), examples)
        candidates = self._pool if examples is None else tuple(examples)
        opinion = await opine(
            self._model,
            self._config,
            self.prompt,
            subject_of(item, self.prompt),
            asked=Asked(item_id=item.id, project=item.project),
            examples=lambda number: choose_examples(
                candidates, item, self.prompt, k=self._config.few_shot, sample=number, groups=self._groups
            ),
        )
        return self._verdict(item, opinion, examples)

    def _verdict(self, item: Item, opinion: Opinion, examples: Sequence[GoldenExample] | None) -> JudgeVerdict:
        fingerprint = self.fingerprint
        if examples is not None:
            fingerprint = fingerprint_of(self._model, self._config, self.prompt, snapshot_digest(examples))
        return verdict_of(
            opinion,
            item_id=item.id,
            project=item.project,
            judge=self.name,
            model=self._model.model,
            prompt=self.prompt.id,
            fingerprint=fingerprint,
            method=self.method,
        )


class EquivalenceJudge:
    """Says whether two answers to a query mean the same; always asked in both orders, a flip is an abstention.

    Args:
        model: who is asked.
        config: how; its prompt is not used.
        name: for the verdict.
        prompt: id of a prompt with the fields query, first and second.
    """

    def __init__(self, model: ChatModel, config: Judge, *, name: str, prompt: str = "equivalent.v1") -> None:
        self.name = name
        self.prompt = load_prompt(prompt)
        self.method: ConfidenceMethod = method_of(model, config)
        self.fingerprint = fingerprint_of(model, config, self.prompt, "")
        self._model, self._config = model, config

    async def equivalent(
        self, query: str, first: str, second: str, *, item_id: str = "", project: str = ""
    ) -> JudgeVerdict:
        """Return a verdict: "approve" where both mean the same, "reject" where not; `p_correct` is that they do."""
        opinion = _answer_flags(first, second)
        if opinion is None:
            opinion = await opine(
                self._model,
                self._config,
                self.prompt,
                Subject(fields={"query": query, "first": first, "second": second}),
                asked=Asked(item_id=item_id or None, project=project or None, purpose="equivalence"),
                both_orders=True,
            )
        return verdict_of(
            opinion,
            item_id=item_id,
            project=project,
            judge=self.name,
            model=self._model.model,
            prompt=self.prompt.id,
            fingerprint=self.fingerprint,
            method=self.method,
        )


def verdict_of(
    opinion: Opinion,
    *,
    item_id: str,
    project: str,
    judge: str,
    model: str,
    prompt: str,
    fingerprint: str,
    method: ConfidenceMethod,
) -> JudgeVerdict:
    """Return an opinion as the row that is stored."""
    answers = opinion.answers
    return JudgeVerdict(
        item_id=item_id,
        project=project,
        judge=judge,
        verdict=_WORD[opinion.verdict],
        p_correct=opinion.p_yes,
        method="none" if opinion.verdict == "abstain" else method,
        reason=storable(opinion.reason[:LONGEST_REASON]),
        flags=tuple(flag[:200] for flag in opinion.flags),
        model=model[:200],
        prompt=prompt,
        fingerprint=fingerprint,
        votes=tuple(_vote(number, each, model) for number, each in enumerate(answers, 1)) if len(answers) > 1 else (),
        recorded=bool(answers) and all(each.recorded for each in answers),
        calls=sum(each.calls for each in answers),
        input_tokens=sum(each.usage.input_tokens for each in answers),
        output_tokens=sum(each.usage.output_tokens for each in answers),
        cost_usd=opinion.cost_usd,
        latency_seconds=max((each.latency_seconds for each in answers), default=0.0),
    )


def _vote(number: int, answer: Answer, model: str) -> Vote:
    said = "abstain" if answer.p_yes is None else ("approve" if answer.p_yes > 0.5 else "reject")
    told = f"{answer.fault}: {answer.detail}" if answer.fault else answer.reason
    return Vote(
        rater=f"annotator {number}",
        verdict=said,
        p_correct=answer.p_yes,
        reason=storable(told[:LONGEST_REASON]),
        model=model[:200],
    )


def _flagged(flags: Sequence[str]) -> str:
    places = sorted({flag.split(":")[1].replace(".", " ") for flag in flags if flag.count(":") > 1})
    return f"the {' and the '.join(places)} contains text that speaks to a judge; a person decides"


def _answer_flags(first: str, second: str) -> Opinion | None:
    kinds = dict.fromkeys((*instruction_like(first), *instruction_like(second)))
    if not kinds:
        return None
    flags = (f"{HOLDING_FLAG}:instruction_like_text", *(f"{HOLDING_FLAG}:output:{kind}" for kind in kinds))
    return Opinion(verdict="abstain", reason=_flagged(flags), flags=flags)

"""Only strict JSON is a verdict; prose, doubles, cuts and contradictions are none."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.judging.chat import ChatReply, TokenLogprob
from hitl_core.judging.judge.probability import verdict_mass
from hitl_core.judging.judge.prompt import load_prompt
from hitl_core.judging.judge.reading import Reading, read_reply

PROMPT = load_prompt("grounded.v1")
GOOD = '{"verdict": "no", "problems": ["unsupported"], "reason": "Not there."}'


def read(text: str, *, confidence: bool = False, **reply: str) -> Reading:
    return read_reply(ChatReply.model_validate({"text": text, **reply}), PROMPT, confidence=confidence)


@pytest.mark.parametrize(
    "text", [GOOD, f"```json\n{GOOD}\n```", f"```\n{GOOD}```", GOOD.replace('"]', '",]'), f"\n {GOOD}\n"]
)
def test_json_is_read_with_a_fence_or_a_spare_comma(text: str) -> None:
    assert read(text) == Reading(verdict="no", problems=("unsupported",), reason="Not there.")


@pytest.mark.parametrize(
    "text",
    [
        "Yes, the output is supported.",
        f"Here is my verdict: {GOOD}",
        f"{GOOD} I am sure.",
        f"{GOOD}\n{GOOD}",
        '{"verdict": "yes"}',
        '{"verdict": "Yes", "problems": [], "reason": ""}',
        '{"verdict": true, "problems": [], "reason": ""}',
        '{"verdict": "yes", "problems": ["bad_mood"], "reason": ""}',
        '{"verdict": "yes", "problems": "none", "reason": ""}',
        '{"verdict": "yes", "problems": [], "reason": "", "score": 1}',
        '{"verdict": "no", "problems": [], "reason": "", "verdict": "yes"}',
        '{"verdict": "yes", "problems": [], "reason": NaN}',
        '["yes"]',
        "",
        "[" * 5000,
        '{"verdict": "yes", "problems": [], "rea',
    ],
)
def test_anything_else_is_no_verdict(text: str) -> None:
    reading = read(text)
    assert (reading.verdict, reading.fault) == (None, "invalid")
    assert reading.detail
    assert reading.again


def test_a_reply_that_was_cut_is_no_verdict_even_if_it_parses() -> None:
    assert read(GOOD, finish_reason="length").fault == "length"
    assert read(GOOD, finish_reason="content_filter").fault == "refused"
    assert read(GOOD + " " * 30_000).fault == "length"


def test_yes_with_a_severe_problem_is_contradictory_and_with_a_minor_one_is_not() -> None:
    said = {"verdict": "yes", "problems": ["unsupported"], "reason": "fine"}
    reading = read(json.dumps(said))
    assert (reading.verdict, reading.fault) == (None, "contradictory")
    assert not reading.again
    assert read(json.dumps(said | {"problems": ["unclear"]})).verdict == "yes"


def test_a_verdict_that_the_model_itself_doubts_is_contradictory() -> None:
    said = {"verdict": "yes", "confidence": 20, "problems": [], "reason": ""}
    assert read(json.dumps(said), confidence=True).fault == "contradictory"
    assert read(json.dumps(said | {"confidence": 80}), confidence=True).confidence == 80


@pytest.mark.parametrize("confidence", [101, -1, 0.9, "90", None, True])
def test_confidence_is_an_integer_of_percent(confidence: object) -> None:
    said = {"verdict": "yes", "confidence": confidence, "problems": [], "reason": ""}
    assert read(json.dumps(said), confidence=True).fault == "invalid"


def test_a_reason_with_characters_no_database_holds_is_cleaned() -> None:
    reading = read('{"verdict": "yes", "problems": [], "reason": "a\\u0000b"}')
    assert reading.reason == "ab"
    assert read('{"verdict": "yes", "problems": [], "reason": "\\ud800"}').fault == "invalid"


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    assert read(text).verdict is None or '"verdict"' in text


def token(text: str, **shares: float) -> TokenLogprob:
    top = tuple((word.replace("_", " "), math.log(share)) for word, share in shares.items())
    return TokenLogprob(token=text, logprob=math.log(shares.get(text, 1.0)), top=top)


def test_the_mass_is_read_at_the_token_of_the_verdict() -> None:
    tokens = [
        token('{"'),
        token("verdict"),
        token('":'),
        token(' "'),
        token("yes", yes=0.6, no=0.2, maybe=0.2),
        token('"'),
    ]
    mass = verdict_mass(tokens)
    assert mass is not None
    assert mass.p_yes == pytest.approx(0.75)
    assert mass.mass == pytest.approx(0.8)
    assert mass.healthy


def test_a_quote_glued_to_the_word_and_parts_of_words_count() -> None:
    first = TokenLogprob(
        token=' "y',
        logprob=math.log(0.5),
        top=((' "y', math.log(0.5)), (' "no', math.log(0.4)), (' "', math.log(0.05))),
    )
    mass = verdict_mass([token('{"verdict":'), first, token('es"')])
    assert mass is not None
    assert mass.p_yes == pytest.approx(5 / 9)
    assert mass.mass == pytest.approx(0.9)


def test_a_whole_reply_as_one_token_is_read_by_its_beginning() -> None:
    yes, no = '{"verdict": "yes", "problems": []', '{"verdict": "no", "problems": []'
    one = TokenLogprob(token=yes, logprob=math.log(0.7), top=((yes, math.log(0.7)), (no, math.log(0.3))))
    mass = verdict_mass([one])
    assert mass is not None
    assert mass.p_yes == pytest.approx(0.7)


def test_little_mass_is_unhealthy_and_a_verdict_elsewhere_is_not_looked_for() -> None:
    low = verdict_mass([token('{"verdict": "'), token("yes", yes=0.3, the=0.5)])
    assert low is not None
    assert not low.healthy
    assert verdict_mass([token('{"reason": "verdict: '), token("yes", yes=0.9)]) is None
    assert verdict_mass([token('I quote {"verdict": "'), token("yes", yes=0.9)]) is None
    assert verdict_mass([]) is None

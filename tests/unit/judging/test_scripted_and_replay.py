"""The two models that ask nobody."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_core.domain.errors import InputError, ModelTimeoutError, RateLimitedError, ReplayMissError
from hitl_core.judging.chat import ChatReply, ChatRequest
from hitl_core.judging.replay import ReplayModel, recording
from hitl_core.judging.scripted import Draw, ScriptedModel

Ask = Callable[..., ChatRequest]


async def test_lines_are_found_by_a_word_of_the_prompt(ask: Ask) -> None:
    model = ScriptedModel({"cats": "meow", "": "what?"})
    assert (await model.complete(ask("about cats"))).text == "meow"
    assert (await model.complete(ask("about dogs"))).text == "what?"
    assert [call.messages[0].content for call in model.calls] == ["about cats", "about dogs"]


async def test_a_draw_follows_its_shares_and_its_seed(ask: Ask) -> None:
    draw = Draw({"yes": 3, "no": 1})
    model = ScriptedModel(draw, seed=1)
    assert (await model.complete(ask())).text == "yes"
    requests = [ask(temperature=1.0, sample_index=index) for index in range(400)]
    said = [(await model.complete(request)).text for request in requests]
    assert 0.68 < said.count("yes") / 400 < 0.82
    backwards = [(await ScriptedModel(draw, seed=1).complete(request)).text for request in reversed(requests)]
    assert backwards[::-1] == said
    assert [(await ScriptedModel(draw, seed=2).complete(request)).text for request in requests] != said


async def test_log_probabilities_are_those_of_the_shares(ask: Ask) -> None:
    model = ScriptedModel(Draw({"yes": 3, "no": 1}, after=" because"))
    first, rest = (await model.complete(ask(top_logprobs=2))).logprobs
    assert {token: round(math.exp(logprob), 6) for token, logprob in first.top} == {"yes": 0.75, "no": 0.25}
    assert (first.token, rest.token) == ("yes", " because")


async def test_failures_come_first_and_in_order(ask: Ask) -> None:
    model = ScriptedModel("fine", failures=[RateLimitedError("slow down", 2.0), None])
    with pytest.raises(RateLimitedError):
        await model.complete(ask())
    assert [(await model.complete(ask())).text for _ in range(2)] == ["fine", "fine"]


async def test_a_delay_beyond_the_timeout_is_a_timeout(ask: Ask) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    model = ScriptedModel("late", delay_seconds=5, sleep=sleep)
    with pytest.raises(ModelTimeoutError):
        await model.complete(ask(timeout_seconds=2))
    assert (await model.complete(ask(timeout_seconds=6))).latency_seconds == 5
    assert slept == [2, 5]


async def test_a_recording_is_replayed_and_marked(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "c.jsonl"
    inner = ScriptedModel(lambda request: ChatReply(text=request.messages[0].content.upper()))
    for prompts in (["b", "a"], ["a", "c"]):
        with recording(inner, path) as recorder:
            for prompt in prompts:
                await recorder.complete(ask(prompt))
    assert len(inner.calls) == 3
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines)
    assert len(lines) == 3
    reply = await ReplayModel.load(path).complete(ask("c", purpose="other", timeout_seconds=1))
    assert (reply.text, reply.recorded) == ("C", True)


async def test_a_miss_shows_how_the_nearest_request_differs(tmp_path: Path, ask: Ask) -> None:
    with recording(ScriptedModel("x"), tmp_path / "c.jsonl") as recorder:
        await recorder.complete(ask("one\ntwo\nthree", prompt_version="v1"))
        await recorder.complete(ask("something else", prompt_version="v1"))
    with pytest.raises(ReplayMissError) as caught:
        await ReplayModel.load(tmp_path / "c.jsonl").complete(ask("one\ntwo\nfour", prompt_version="v2"))
    message = str(caught.value)
    assert "-user: three" in message
    assert "+user: four" in message
    assert '+prompt_version: "v2"' in message
    assert "user: one" not in message


async def test_a_sample_that_was_not_recorded_is_a_miss(tmp_path: Path, ask: Ask) -> None:
    with recording(ScriptedModel("x"), tmp_path / "c.jsonl") as recorder:
        await recorder.complete(ask(sample_index=0))
    with pytest.raises(ReplayMissError, match="sample_index"):
        await ReplayModel.load(tmp_path / "c.jsonl").complete(ask(sample_index=1))


async def test_keys_are_blacked_out_on_a_cassette(tmp_path: Path, ask: Ask) -> None:
    secret = "sk-proj-abcdefghijklmnop123456"
    with recording(ScriptedModel(f"your key is {secret}"), tmp_path / "c.jsonl") as recorder:
        await recorder.complete(ask(f"my key is {secret}"))
    assert secret not in (tmp_path / "c.jsonl").read_text(encoding="utf-8")
    assert "[key]" in (await ReplayModel.load(tmp_path / "c.jsonl").complete(ask(f"my key is {secret}"))).text


@pytest.mark.parametrize("line", ["not json", "{}", '{"key": "k", "model": "m", "endpoint": "", "request": {}}', "[]"])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1 is no recording"):
        ReplayModel.load(tmp_path / "c.jsonl")


def test_a_cassette_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ReplayModel.load(tmp_path / "none.jsonl")

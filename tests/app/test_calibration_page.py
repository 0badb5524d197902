"""The Calibration page: its states, figures with n and interval, and a threshold found, published and taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import wiring
from hitl_core import Loop, Policy
from hitl_core.loop.trust.evidence import Scope
from tests.app.labelled_history import fill
from tests.app.screen import seen

Open = Callable[..., AppTest]
HOSTILE = "<script>alert(1)</script>![x](http://evil.example/p.png) \u202e=1+1"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A database with 400 outputs of a month ago, reviewed."""
    path = tmp_path_factory.mktemp("labelled") / "hitl.db"
    shutil.copyfile(sqlite_template, path)
    fill(f"sqlite:///{path}", items=400)
    return path


@pytest.fixture
def history(loop: Loop, labelled: Path, tmp_path: Path) -> Iterator[Loop]:
    """The app's loop on a copy of it."""
    path = tmp_path / "copy.db"
    shutil.copyfile(labelled, path)
    wiring.configure(wiring.Options(url=f"sqlite:///{path}"))
    yield wiring.loop()
    wiring.loop().close()
    st.cache_data.clear()


def charts(test: AppTest) -> list[Any]:
    return [json.loads(each.proto.spec) for each in test.get("plotly_chart")]


def find(test: AppTest, target: float = 5.0, sure: float = 95.0) -> AppTest:
    test.number_input(key="calibration.target").set_value(target)
    test.number_input(key="calibration.sure").set_value(sure)
    return test.button(key="calibration.find").click().run()


def test_an_empty_project_says_what_to_do(open_page: Open) -> None:
    assert "No labels yet" in seen(open_page("calibration"))


def test_labels_whose_window_is_open_are_too_few_and_the_page_says_how_many_are_needed(
    open_page: Open, loop: Loop
) -> None:
    loop.submit({"id": "a", "query": "q", "output": "o", "confidence": 0.5})
    test = open_page("calibration")
    assert "0 labels so far; from 50 on the figures are shown" in seen(test)
    assert not charts(test)


def test_loaded_every_figure_has_n_and_an_interval_and_a_table_to_download(open_page: Open, history: Loop) -> None:
    n = history.calibration.evidence(Scope()).n
    test = open_page("calibration")
    shown = seen(test)
    for words in (f"{n} labels", "Calibration error (ECE)", "Brier score", "AUROC", "simultaneous bound"):
        assert words in shown
    assert "is too sure of itself" in shown
    curve, preview = charts(test)
    for chart in (curve, preview):
        assert f"n = {n} labels" in str(chart["layout"]["title"])
        assert sum(len(trace["x"]) for trace in chart["data"]) <= 2_000
        assert chart["layout"]["xaxis2"]["title"]["text"]
    downloads = {each.key for each in test.get("download_button")}
    assert downloads >= {"calibration.curve.csv", "calibration.measures.csv", "calibration.preview.csv"}


@pytest.mark.usefixtures("history")
def test_a_naive_count_is_shown_only_when_asked_for_and_claims_something_else(open_page: Open) -> None:
    test = open_page("calibration")
    assert "a naive count" not in seen(test)
    test.toggle(key="calibration.naive").set_value(True).run()
    assert "a naive count" in seen(test)


def test_filters_come_from_the_address_and_what_is_unknown_there_counts_for_nothing(
    open_page: Open, history: Loop
) -> None:
    test = open_page("calibration", domain="travel", period="90 days", model="none such")
    assert test.selectbox(key="calibration.domain").value == "travel"
    assert test.selectbox(key="calibration.model").value == ""
    assert "default / travel" in str(charts(test)[0]["layout"]["title"])
    everything = history.calibration.evidence(Scope()).n
    assert f"<b>{everything} labels</b>" in seen(test)
    assert f"<b>{everything} labels</b>" not in seen(open_page("calibration", domain="travel", period="7 days"))


@pytest.mark.usefixtures("history")
def test_moving_the_slider_changes_the_figures(open_page: Open) -> None:
    test = open_page("calibration")
    before = seen(test)
    test.slider(key="calibration.threshold").set_value(0.6).run()
    after = seen(test)
    assert before != after
    assert "The live policy stands at 0.95" in after


def test_recalibrating_needs_a_calibrator_which_a_named_person_fits(open_page: Open, history: Loop) -> None:
    test = open_page("calibration", confidence="recalibrated")
    assert "No calibrator for project default yet" in seen(test)
    test.button(key="calibration.fit").click().run()
    shown = seen(test)
    assert "Calibrator version 1 is fitted" in shown
    assert "The live policy does not use it yet" in shown
    (fitted,) = history.calibration.calibrators("default")
    assert fitted.artefact.author == "ana"


def test_a_threshold_is_found_published_with_a_reason_and_rolled_back(open_page: Open, history: Loop) -> None:
    test = find(open_page("calibration"), target=10.0, sure=90.0)
    shown = seen(test)
    assert "auto_approve" in shown
    test.button(key="calibration.publish").click().run()
    assert "Not published" in seen(test)
    test.text_input(key="calibration.reason").input("the labels say so").run()
    test.button(key="calibration.publish").click().run()
    assert "Policy version 2 is live" in seen(test)
    newest = history.policies.history()[0]
    assert (newest.author, "the labels say so" in newest.reason) == ("ana", True)
    assert history.calibration.certificate_of(2) is not None
    assert "Certificate" in seen(test)
    test.button(key="calibration.back.do.1").click().run()
    assert "Not rolled back: give a reason" in seen(test)
    test.text_input(key="calibration.back.reason.1").input("too many complaints").run()
    test.button(key="calibration.back.do.1").click().run()
    assert "Version 1 is live again, as policy version 3" in seen(test)
    assert history.policies.live().policy.digest() == history.policies.get(1).policy.digest()


@pytest.mark.usefixtures("history")
def test_where_nothing_can_be_certified_the_page_says_so_and_offers_nothing_to_publish(open_page: Open) -> None:
    test = find(open_page("calibration"), target=0.1, sure=99.0)
    assert "label" in seen(test)
    assert not [each for each in test.button if each.key == "calibration.publish"]


@pytest.mark.usefixtures("history")
def test_a_nameless_lead_can_look_and_change_nothing(open_page: Open) -> None:
    test = find(open_page("calibration", reviewer=None), target=10.0, sure=90.0)
    assert test.button(key="calibration.publish").disabled
    test.text_input(key="calibration.publish.name").input("lea").run()
    assert not test.button(key="calibration.publish").disabled


def test_where_parts_have_thresholds_of_their_own_the_whole_has_no_slider(open_page: Open, history: Loop) -> None:
    own = 'overrides = [{when = {project = "default", domain = "travel"}, thresholds = {auto_approve = 0.9}}]'
    history.publish(Policy.from_toml(own), reason="a threshold of its own")
    test = open_page("calibration")
    assert "No label is left for one threshold here" in seen(test)
    assert not test.slider
    assert open_page("calibration", domain="travel").slider


def test_hostile_names_stay_text_in_figures_filters_and_tables(loop: Loop, sqlite_url: str, open_page: Open) -> None:
    fill(sqlite_url, items=90, domain=HOSTILE, project="<b>p</b>")
    test = open_page("calibration", reviewer=HOSTILE, domain=HOSTILE)
    shown = seen(test)
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert charts(test)
    assert all("<script" not in json.dumps(chart) and "\u202e" not in json.dumps(chart) for chart in charts(test))
    assert all("\u202e" not in str(option) for box in test.selectbox for option in box.options)

"""Numbers for Prometheus: what the text says, by the library's own parser, and how stalls are collected."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ndefender.api.answers import SocketStats
from ndefender.api.metrics import (
    STALL_BUCKETS_S,
    STALL_WINDOW_S,
    FeedView,
    LoopStalls,
    MetricsText,
    MetricsView,
    PanelView,
)


def families(view: MetricsView) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample name → label values → value."""
    text = MetricsText(lambda: view).render().decode()
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        assert family.type in {"counter", "gauge", "histogram"}, family.name
        for sample in family.samples:
            assert re.fullmatch(r"ndefender_[a-z_]+", sample.name)
            assert (family.type == "counter") == sample.name.endswith("_total")
            samples.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return samples


FEED = FeedView(lines=10, events=8, bad_lines=2, read_bytes=4096, rotations=1, lag_bytes=17)


def test_everything_that_is_counted_is_told() -> None:
    stalls = LoopStalls(0.0)
    stalls.observe(0.004, 1.0)
    stalls.observe(3.0, 2.0)
    samples = families(
        MetricsView(
            version="1.2",
            boot_id="b",
            uptime_s=9.5,
            events={("LOG_EVENT", "esp32"): 3},
            feeds={"rf": FEED},
            dropped={"tracker": 5},
            sockets={"aggregator": SocketStats(clients=1, accepted=2, rejected=3, cut_off=4, events_sent=5)},
            stall=stalls.view(2.0),
            queues={"outlet": 6},
            dwells_analysed=7,
            dwells_lost=1,
            contacts={"RF": 2},
            panel=PanelView(connected=True, bad_lines=3, timeouts=4),
            offline={"ups": True, "gps": False},
        )
    )
    assert samples["ndefender_build_info"] == {("b", "1.2"): 1.0}
    assert samples["ndefender_uptime_seconds"] == {(): 9.5}
    assert samples["ndefender_events_total"] == {("esp32", "LOG_EVENT"): 3.0}
    assert samples["ndefender_feed_lag_bytes"] == {("rf",): 17.0}
    assert samples["ndefender_feed_bad_lines_total"] == {("rf",): 2.0}
    assert samples["ndefender_dropped_total"] == {("tracker",): 5.0}
    assert samples["ndefender_websocket_cut_off_total"] == {("aggregator",): 4.0}
    assert samples["ndefender_websocket_rejected_total"] == {("aggregator",): 3.0}
    assert samples["ndefender_queue_depth"] == {("outlet",): 6.0}
    assert samples["ndefender_dwells_lost_total"] == {(): 1.0}
    assert samples["ndefender_contacts"] == {("RF",): 2.0}
    assert samples["ndefender_panel_timeouts_total"] == {(): 4.0}
    assert samples["ndefender_section_offline"] == {("ups",): 1.0, ("gps",): 0.0}
    buckets = samples["ndefender_loop_stall_seconds_bucket"]
    assert buckets[("0.002",)] == 0.0
    assert buckets[("0.005",)] == 1.0
    assert buckets[("+Inf",)] == 2.0
    assert samples["ndefender_loop_stall_seconds_count"] == {(): 2.0}
    assert samples["ndefender_loop_stall_seconds_sum"] == {(): 3.004}
    assert samples["ndefender_loop_stall_max_seconds"] == {(): 3.0}


def test_what_is_not_there_is_not_told() -> None:
    samples = families(MetricsView(version="1", boot_id="b", uptime_s=0.0))
    assert not [name for name in samples if "panel" in name or "stall" in name]


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_name_from_outside_cannot_forge_a_line(name: str) -> None:
    view = MetricsView(version="1", boot_id="b", uptime_s=0.0, events={(name, "esp32"): 1}, contacts={"RF": 2})
    text = MetricsText(lambda: view).render().decode()
    lines = [line for line in text.split("\n") if line.startswith("ndefender_")]
    assert sum("ndefender_events_total" in line for line in lines) == 1
    assert sum(line.startswith("ndefender_contacts") for line in lines) == 1


def test_two_renderers_do_not_know_each_other() -> None:
    one, two = (MetricsView(version=text, boot_id="b", uptime_s=0.0) for text in ("1", "2"))
    first = MetricsText(lambda: one)
    MetricsText(lambda: two)
    assert b'version="2"' not in first.render()


def test_the_last_minute_forgets_and_the_maximum_does_not() -> None:
    stalls = LoopStalls(100.0)
    stalls.observe(0.5, 101.0)
    now_s = 101.0
    while now_s < 101.0 + STALL_WINDOW_S / 2:
        now_s += 0.1
        stalls.observe(0.001, now_s)
    assert stalls.view(now_s).max_last_minute_s == 0.5
    while now_s < 101.0 + 2 * STALL_WINDOW_S:
        now_s += 0.1
        stalls.observe(0.001, now_s)
    assert stalls.view(now_s).max_last_minute_s == 0.001
    assert stalls.view(now_s).max_s == 0.5
    assert stalls.view(now_s + 3 * STALL_WINDOW_S).max_last_minute_s == 0.0


@given(late_s=st.lists(st.floats(-1.0, 5.0), max_size=50))
def test_every_stall_falls_into_the_bucket_that_holds_it(late_s: list[float]) -> None:
    stalls = LoopStalls(0.0)
    for each_s in late_s:
        stalls.observe(each_s, 1.0)
    view = stalls.view(1.0)
    for index, bound_s in enumerate(STALL_BUCKETS_S):
        assert sum(view.counts[: index + 1]) == sum(each_s <= bound_s for each_s in late_s)
    assert sum(view.counts) == len(late_s)
    assert view.max_s == max([0.0, *late_s])

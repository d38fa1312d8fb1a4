"""The Grafana dashboards, as data: one row a question. `helm/generate.py` writes them to helm/oddswire/dashboards."""

from __future__ import annotations

from grafana import Dashboard, Panel


def _p99(histogram: str, by: str = "") -> str:
    return f"histogram_quantile(0.99, sum by (le{by}) (rate({histogram}_bucket{{NS}}[$__rate_interval])))"


def _rate(counter: str, by: str = "", more: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({counter}{{NS{more}}}[$__rate_interval]))"


def _worst(gauge: str, by: str = "pod", more: str = "") -> str:
    return f"max by ({by}) ({gauge}{{NS{more}}})"


def _total(gauge: str, by: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} ({gauge}{{NS}})"


DASHBOARDS: dict[str, Dashboard] = {
    "overview": Dashboard(
        "oddswire / overview",
        {
            "Is the promise kept? 99.9 %": (
                Panel(
                    "API: requests not answered",
                    "percentunit",
                    {
                        "1 h": "oddswire:api_errors:ratio_1h{NS}",
                        "6 h": "oddswire:api_errors:ratio_6h{NS}",
                        "3 d": "oddswire:api_errors:ratio_3d{NS}",
                    },
                    0.001,
                ),
                Panel(
                    "Stream: moments late",
                    "percentunit",
                    {
                        "1 h": "oddswire:stream_late:ratio_1h{NS}",
                        "6 h": "oddswire:stream_late:ratio_6h{NS}",
                        "3 d": "oddswire:stream_late:ratio_3d{NS}",
                    },
                    0.001,
                ),
                Panel(
                    "Alerts",
                    "short",
                    {"{{alertname}}": 'count by (alertname) (ALERTS{NS, alertstate="firing"})'},
                ),
            ),
            "What goes through?": (
                Panel("States stored", "ops", {"lane {{lane}}": _rate("oddswire_feed_states_stored_total", "lane")}),
                Panel("Devices", "short", {"{{pod}}": _total("oddswire_fanout_sockets", "pod")}),
                Panel(
                    "Requests",
                    "reqps",
                    {"{{route}}": _rate("oddswire_gateway_requests_total", "route", ', route!~"live|ready|metrics"')},
                ),
                Panel("Bets settled", "ops", {"{{state}}": _rate("oddswire_settlement_bets_total", "state")}),
            ),
            "How fresh is it?": (
                Panel("Age of sources", "s", {"{{source}}": _worst("oddswire_fanout_source_age_seconds", "source")}, 3),
                Panel(
                    "Age of gateways' books",
                    "s",
                    {"lane {{lane}}": _worst("oddswire_gateway_book_age_seconds", "lane")},
                    3,
                ),
                Panel("Archive's lag", "s", {"lane {{lane}}": _worst("oddswire_history_lag_seconds", "lane")}),
            ),
        },
    ),
    "stream": Dashboard(
        "oddswire / stream",
        {
            "Are devices served in time?": (
                Panel(
                    "Lateness of flushes, p99",
                    "s",
                    {
                        "{{pod}} {{tier_ms}} ms": _worst(
                            "oddswire_fanout_tick_lag_seconds", "pod, tier_ms", ', quantile="0.99"'
                        )
                    },
                    0.1,
                ),
                Panel(
                    "Lateness by which devices are refused",
                    "s",
                    {"{{pod}}": _worst("oddswire_fanout_admission_lag_seconds")},
                    0.12,
                ),
                Panel(
                    "News of accounts, p99",
                    "s",
                    {"{{pod}}": _worst("oddswire_fanout_account_lag_seconds", "pod", ', quantile="0.99"')},
                    0.5,
                ),
            ),
            "Who is there?": (
                Panel("Devices", "short", {"{{pod}}": _total("oddswire_fanout_sockets", "pod")}),
                Panel(
                    "Catching up, full, owed",
                    "short",
                    {
                        "catching up": _total("oddswire_fanout_catching_up"),
                        "full": _total("oddswire_fanout_full"),
                        "owed": _total("oddswire_fanout_owed"),
                    },
                ),
                Panel(
                    "Cohorts", "short", {"{{pod}} {{tier_ms}} ms": _total("oddswire_fanout_cohorts", "pod, tier_ms")}
                ),
                Panel(
                    "Accounts, their devices, those that lack news",
                    "short",
                    {
                        "accounts": _total("oddswire_fanout_accounts"),
                        "devices": _total("oddswire_fanout_account_devices"),
                        "lacking": _total("oddswire_fanout_account_lacking"),
                    },
                ),
            ),
            "What do they get, and who is lost?": (
                Panel("Deliveries", "ops", {"{{pod}}": _rate("oddswire_fanout_deliveries_total", "pod")}),
                Panel("Frames", "ops", {"{{tier_ms}} ms": _rate("oddswire_fanout_frames_total", "tier_ms")}),
                Panel("Closed by the shard", "ops", {"{{code}}": _rate("oddswire_fanout_closed_total", "code")}),
                Panel("Refused", "ops", {"{{reason}}": _rate("oddswire_fanout_refused_total", "reason")}),
            ),
            "What does it cost?": (
                Panel(
                    "CPU", "short", {"{{pod}}": _rate("process_cpu_seconds_total", "pod", ', pod=~".*-fanout-.*"')}, 1
                ),
                Panel(
                    "Memory",
                    "bytes",
                    {"{{pod}}": _worst("process_resident_memory_bytes", "pod", ', pod=~".*-fanout-.*"')},
                ),
                Panel("Open files", "short", {"{{pod}}": _worst("process_open_fds", "pod", ', pod=~".*-fanout-.*"')}),
            ),
        },
    ),
    "feeds": Dashboard(
        "oddswire / feeds and log",
        {
            "Who leads?": (
                Panel("Leaders", "short", {"{{feed}} {{pod}}": _total("oddswire_feed_leading", "feed, pod")}),
                Panel(
                    "Takeovers",
                    "short",
                    {"{{feed}}": "sum by (feed) (increase(oddswire_feed_takeovers_total{NS}[$__rate_interval]))"},
                ),
                Panel("Lease's epoch", "short", {"{{feed}}": _worst("oddswire_feed_lease_epoch", "feed")}),
            ),
            "Does the log keep up?": (
                Panel(
                    "Acknowledged within, p99",
                    "s",
                    {"lane {{lane}}": _p99("oddswire_feed_ack_seconds", ", lane")},
                    0.25,
                ),
                Panel("States waiting", "short", {"lane {{lane}}": _total("oddswire_feed_states_waiting", "lane")}),
                Panel(
                    "Writes refused, unknown",
                    "ops",
                    {
                        "refused": _rate("oddswire_feed_writes_refused_total"),
                        "unknown": _rate("oddswire_feed_writes_unknown_total"),
                    },
                ),
                Panel(
                    "Replicas",
                    "short",
                    {
                        "lane {{lane}}": "min by (lane) (oddswire_feed_log_replicas{NS})",
                        "wanted": "max (oddswire_feed_log_replicas_wanted{NS})",
                    },
                ),
            ),
            "What comes in?": (
                Panel("States from providers", "ops", {"{{pod}}": _rate("oddswire_feed_states_in_total", "pod")}),
                Panel(
                    "Conflated, withheld, overlaid",
                    "ops",
                    {
                        "conflated": "sum (deriv(oddswire_feed_states_conflated{NS}[5m]))",
                        "withheld": _rate("oddswire_feed_states_withheld_total"),
                        "overlaid": _rate("oddswire_feed_states_overlaid_total"),
                    },
                ),
                Panel(
                    "Results published, waiting, dropped",
                    "short",
                    {
                        "published": _rate("oddswire_feed_results_published_total"),
                        "waiting": _total("oddswire_feed_results_waiting"),
                        "dropped": _rate("oddswire_feed_results_dropped_total"),
                    },
                ),
            ),
        },
    ),
    "api": Dashboard(
        "oddswire / API",
        {
            "Are requests answered, and when?": (
                Panel(
                    "Requests by status", "reqps", {"{{status}}": _rate("oddswire_gateway_requests_total", "status")}
                ),
                Panel("Time to answer, p99", "s", {"{{route}}": _p99("oddswire_gateway_request_seconds", ", route")}),
                Panel("Wait before being handled", "s", {"{{pod}}": _worst("oddswire_gateway_delay_seconds")}, 0.1),
                Panel(
                    "Turned away",
                    "reqps",
                    {
                        "{{what}}": _rate("oddswire_gateway_shed_total", "what"),
                        "bets": _rate("oddswire_gateway_money_shed_total"),
                        "history": _rate("oddswire_gateway_history_shed_total"),
                    },
                ),
            ),
            "Bets": (
                Panel("Wait for the database", "s", {"{{pod}}": _worst("oddswire_gateway_money_wait_seconds")}, 0.25),
                Panel("Statements", "ops", {"statements": _rate("oddswire_gateway_money_statements_total")}),
                Panel(
                    "Decided after the in-play delay", "ops", {"decided": _rate("oddswire_gateway_bets_decided_total")}
                ),
                Panel(
                    "Coordination did not answer",
                    "ops",
                    {
                        "claims": _rate("oddswire_gateway_claims_unanswered_total"),
                        "quotas": _rate("oddswire_gateway_quotas_unsettled_total"),
                    },
                ),
            ),
            "What does it cost?": (
                Panel("CPU", "short", {"{{pod}}": _rate("process_cpu_seconds_total", "pod", ', pod=~".*-gateway-.*"')}),
                Panel(
                    "Memory",
                    "bytes",
                    {"{{pod}}": 'sum by (pod) (process_resident_memory_bytes{NS, pod=~".*-gateway-.*"})'},
                ),
                Panel(
                    "Bodies made",
                    "ops",
                    {
                        "made": _rate("oddswire_gateway_bodies_made_total"),
                        "compressed": _rate("oddswire_gateway_bodies_compressed_total"),
                    },
                ),
            ),
        },
    ),
    "money": Dashboard(
        "oddswire / settlement, news, archive",
        {
            "Is it settled?": (
                Panel("From result to settled bet, p99", "s", {"p99": _p99("oddswire_settlement_seconds")}, 1),
                Panel(
                    "Markets waiting; the oldest",
                    "short",
                    {
                        "markets": "max (oddswire_settlement_backlog_markets{NS})",
                        "oldest, s": "max (oddswire_settlement_backlog_seconds{NS})",
                    },
                ),
                Panel("Results", "ops", {"{{outcome}}": _rate("oddswire_settlement_results_total", "outcome")}),
                Panel(
                    "Batches; failures",
                    "ops",
                    {
                        "batches": _rate("oddswire_settlement_batches_total"),
                        "failures": _rate("oddswire_settlement_failures_total"),
                    },
                ),
            ),
            "Are accounts told?": (
                Panel("From transaction to bus, p99", "s", {"p99": _p99("oddswire_news_publish_seconds")}, 0.5),
                Panel(
                    "Told; answered; turned away",
                    "ops",
                    {
                        "told": _rate("oddswire_news_told_total"),
                        "answered": _rate("oddswire_news_answered_total"),
                        "turned away": _rate("oddswire_news_turned_away_total"),
                    },
                ),
                Panel("Backlog", "short", {"{{pod}}": _worst("oddswire_news_backlog")}),
            ),
            "Is all of it kept?": (
                Panel("Archive's lag", "s", {"lane {{lane}}": _worst("oddswire_history_lag_seconds", "lane")}),
                Panel(
                    "Rows; repeats",
                    "ops",
                    {
                        "changes": _rate("oddswire_history_changes_total"),
                        "repeats": _rate("oddswire_history_repeats_total"),
                    },
                ),
                Panel("A batch's commit, p99", "s", {"p99": _p99("oddswire_history_commit_seconds")}),
                Panel(
                    "Holes",
                    "short",
                    {"lane {{lane}}": "sum by (lane) (increase(oddswire_history_holes_total{NS}[$__range]))"},
                ),
            ),
        },
    ),
}

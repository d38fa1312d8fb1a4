"""What is kept of every request: metrics by route and status, and the access log."""

from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds


async def metrics_of(odds: Odds) -> dict[tuple[str, ...], float]:
    text = (await odds.get("/metrics")).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_every_answer_is_counted_and_timed_by_route() -> None:
    odds = Odds()
    odds.put(event(), spread())
    async with odds.client:
        etag = (await odds.get("/v1/markets/M1")).headers["etag"]
        for _ in range(3):
            await odds.get("/v1/markets/M1", if_none_match=etag)
        await odds.get("/v1/markets/none")
        await odds.get("/v1/none")
        told = await metrics_of(odds)
    requests = "oddswire_gateway_requests_total"
    assert told[requests, "market", "200"] == 1
    assert told[requests, "market", "304"] == 3
    assert told[requests, "market", "404"] == 1
    assert told[requests, "none", "404"] == 1
    assert told["oddswire_gateway_request_seconds_count", "market"] == 5
    assert told["oddswire_gateway_request_seconds_bucket", "+Inf", "market"] == 5
    assert told["oddswire_gateway_records_total",] == 2
    assert told["oddswire_gateway_book_age_seconds", "0"] >= 0


async def test_the_access_log_says_who_asked_what_and_what_became_of_it() -> None:
    odds = Odds(access_log="routed")
    odds.put(event(), spread())
    async with odds.client:
        with capture_logs() as lines:
            await odds.get("/v1/markets/M1", request_id="r1")
            await odds.get("/v1/markets/M1", request_id="r2")
            await odds.get("/v1/markets/none?secret=1", request_id="r3")
    assert [(line["request_id"], line["route"], line["status"], line["path"]) for line in lines] == [
        ("r1", "market", 200, "/v1/markets/M1"),
        ("r3", "market", 404, "/v1/markets/none"),
    ]
    assert lines[0]["method"] == "GET"
    assert lines[0]["ms"] > 0


async def test_refused_alone_can_be_logged_or_everything_or_nothing() -> None:
    for chosen, statuses in (("refused", [404]), ("all", [200, 200, 404]), ("none", [])):
        odds = Odds(access_log=chosen)
        odds.put(event(), spread())
        async with odds.client:
            with capture_logs() as lines:
                for path in ("/v1/markets/M1", "/v1/markets/M1", "/v1/markets/none"):
                    await odds.get(path)
        assert [line["status"] for line in lines] == statuses

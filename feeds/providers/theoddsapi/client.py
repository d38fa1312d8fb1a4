"""The Odds API as a provider: asks what is due, puts what changed, and says how the feed is. The thin shell.

Decides nothing by itself: `agenda` knows what is due, `budget` how much slower it must go, `health` how the feed is,
`parse` what an answer is and `mapping` what it changes. Answers are taken one at a time, in the order in which they
come; a question is never asked twice at once, so no answer overtakes a later one to the same question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random
from typing import Final, NamedTuple

import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState, Market
from feeds.mapping import Names
from feeds.ports import FeedSink, State
from feeds.providers.clock import unix_ms
from feeds.providers.refusals import RefusalLog
from feeds.providers.theoddsapi.agenda import Agenda, Question
from feeds.providers.theoddsapi.budget import spend_per_s, stretch, stretched, until_reset_s
from feeds.providers.theoddsapi.health import Health
from feeds.providers.theoddsapi.http import Fetcher, NoAnswer
from feeds.providers.theoddsapi.mapping import Translator
from feeds.providers.theoddsapi.parse import Snapshot, parse
from feeds.providers.theoddsapi.plan import Plan
from feeds.providers.theoddsapi.settings import TheOddsApiSettings, check_bookmaker, check_key, check_sports
from feeds.recorder import Recorder
from feeds.recording import Tally

LOOK_S: Final = 0.25
"""How often health and the clock are looked at."""

_log = structlog.get_logger(__name__)


class _Run(NamedTuple):
    """What one run works with."""

    sink: FeedSink
    health: Health
    fetcher: Fetcher


class TheOddsApi:
    """Polls The Odds API. A `feeds.ports.Provider`. Raises Refused("no_key" | "no_sport" | "no_bookmaker").

    `tally` counts answers that were understood, and those that were refused by reason.
    """

    def __init__(
        self,
        settings: TheOddsApiSettings,
        *,
        feed: str,
        lanes: int,
        names: Names,
        now_ms: Callable[[], int] = unix_ms,
        rng: Random | None = None,
    ) -> None:
        self.feed = feed
        self.tally = Tally()
        self._settings = settings
        self._key = check_key(settings)
        self._sports = check_sports(settings)
        self._now_ms = now_ms
        self._agenda = Agenda(rng or Random())
        self._plan = Plan(settings)
        self._translator = Translator(
            feed=feed, lanes=lanes, names=names, bookmaker=check_bookmaker(settings), price_format=settings.odds_format
        )
        self._refusals = RefusalLog(feed)
        self.recorder: Recorder | None = None
        """Records every answer."""
        self._good_s: dict[Question, float] = {}
        self._told: FeedState | None = None
        self._factor = 1.0
        self._woken = asyncio.Event()

    async def run(self, sink: FeedSink) -> None:
        """Ask until cancelled."""
        clock = asyncio.get_running_loop()
        settings = self._settings
        health = Health(
            self._sports,
            failures_max=settings.failures_max,
            stale_s=settings.stale_s,
            down_s=settings.down_s,
            now_s=clock.time(),
        )
        self._told = None
        self._say(sink, "recovering")
        fetcher = Fetcher(
            url=settings.url,
            key=self._key,
            timeout_s=settings.timeout_s,
            body_bytes_max=settings.body_bytes_max,
            concurrency=settings.concurrency,
        )
        run = _Run(sink, health, fetcher)
        async with fetcher, asyncio.TaskGroup() as group:
            while True:
                now_s = clock.time()
                self._look(run, now_s)
                for question in self._agenda.take(now_s, settings.concurrency):
                    group.create_task(self._ask(question, run))
                await self._until_due(clock.time())

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and no answer mentioned is suspended; closed where its event has ended."""
        return self._translator.absent(market, now_ms)

    async def _until_due(self, now_s: float) -> None:
        """Until a question is due, an answer came, or it is time to look."""
        wait_s = min(self._agenda.next_s(self._settings.concurrency) - now_s, LOOK_S)
        self._woken.clear()
        try:
            async with asyncio.timeout(max(wait_s, 0)):
                await self._woken.wait()
        except TimeoutError:
            return

    def _look(self, run: _Run, now_s: float) -> None:
        """What time alone changes: events that began, questions, answers too old, the feed's health."""
        now_ms = self._now_ms()
        self._put(run.sink, self._translator.passed(now_ms))
        questions = self._plan.questions(self._translator.events(), now_ms)
        self._agenda.ask(questions, now_s)
        self._factor = self._stretched_by(run.fetcher, questions, now_ms)
        self._agenda.hasten({question: self._interval_s(question) for question in questions}, now_s)
        wanted = frozenset(questions)
        for question in [question for question in self._good_s if question.kind == "event"]:
            if question not in wanted or now_s - self._good_s[question] > self._settings.stale_s:
                self._withdraw(question, run)
        run.fetcher.keep({self._plan.path(question) for question in questions})
        self._say(run.sink, run.health.state(now_s))

    async def _ask(self, question: Question, run: _Run) -> None:
        path = self._plan.path(question)
        older = False
        try:
            body = await run.fetcher.get(path, self._plan.parameters(question))
            if body is not None and self.recorder is not None:
                self.recorder.write(body)
            if body is not None and self._agenda.wants(question):
                older = self._take(question, parse(body), run.sink)
        except NoAnswer as failure:
            self._failed(question, failure, run)
        except Refused as refusal:
            run.fetcher.forget(path)
            self._failed(question, NoAnswer(refusal.code), run)
        else:
            self._answered(question, run, older=older)
        self._woken.set()

    def _answered(self, question: Question, run: _Run, *, older: bool) -> None:
        """It was understood. An `older` answer is no sign of life, and is not to be known as the newest."""
        now_s = asyncio.get_running_loop().time()
        self.tally.understood += 1
        self._agenda.answered(question, now_s, self._interval_s(question))
        self._plan.cost(question, run.fetcher.quota.last)
        if older:
            run.fetcher.forget(self._plan.path(question))
            return
        self._good_s[question] = now_s
        if question.kind == "odds":
            run.health.good(question.sport, now_s)

    def _take(self, question: Question, snapshot: Snapshot, sink: FeedSink) -> bool:
        """Puts what an answer changes. Gives whether anything in it was older than what is known."""
        now_ms = self._now_ms()
        if question.kind == "scores":
            self._put(sink, self._translator.scores(snapshot, now_ms))
            return False
        if snapshot.listed != (question.kind == "odds"):
            raise Refused("bad_shape", "a list where one event was asked for, or one event in place of a list")
        skipped = self._translator.skipped.total()
        self._put(sink, self._translator.odds(snapshot, self._plan.scope(question), now_ms))
        if self._translator.skipped.total() > skipped:
            self._refusals.add("outcomes_skipped", asked=question.kind, reasons=dict(self._translator.skipped))
        return self._translator.older

    def _failed(self, question: Question, failure: NoAnswer, run: _Run) -> None:
        now_s = asyncio.get_running_loop().time()
        self.tally.refuse(failure.code.partition(":")[0])
        self._refusals.add(failure.code, asked=question.kind, sport=question.sport, refused=self.tally.refused)
        if failure.pause_s is not None:
            self._agenda.pause(now_s, failure.pause_s)
        self._agenda.failed(question, now_s, self._interval_s(question))
        if question.kind == "odds":
            run.health.failed(question.sport)
        if question.kind == "event" and failure.gone:
            self._withdraw(question, run)

    def _withdraw(self, question: Question, run: _Run) -> None:
        """What was said of one event alone is not known any more."""
        self._good_s.pop(question, None)
        run.fetcher.forget(self._plan.path(question))
        self._put(run.sink, self._translator.unanswered(self._plan.scope(question), self._now_ms()))

    def _interval_s(self, question: Question) -> float:
        return stretched(self._plan.interval_s(question), self._factor)

    def _stretched_by(self, fetcher: Fetcher, questions: Iterable[Question], now_ms: int) -> float:
        spend = spend_per_s(self._plan.wish(question) for question in questions)
        factor = stretch(
            spend,
            remaining=fetcher.quota.remaining,
            reserve=self._settings.quota_reserve,
            until_reset_s=until_reset_s(now_ms / 1000),
        )
        if (factor > 1) != (self._factor > 1):
            remaining = fetcher.quota.remaining
            _log.warning("quota_stretch", feed=self.feed, factor=round(factor, 2), remaining=remaining)
        return factor

    def _say(self, sink: FeedSink, state: FeedState) -> None:
        """Tell how the feed is, if that is new; before `live`, everything there is."""
        if state == self._told:
            return
        if state == "live":
            sink.put(self._translator.image())
        self._told = state
        sink.health(state)

    def _put(self, sink: FeedSink, states: list[State]) -> None:
        if states:
            sink.put(states)

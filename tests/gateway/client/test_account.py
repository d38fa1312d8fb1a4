"""An account's calls against the whole service over ASGI, and a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.client import Account, ApiLimits, Conflict, Device, NotAllowed, OddsApi, new_key
from gateway.store.pool import Database
from tests.fanout.serving import spread
from tests.gateway.bets.cashing import a_bet
from tests.gateway.bets.conftest import money
from tests.gateway.bets.worker import Worker, asked_by_header, one_postgres
from tests.gateway.rsgi import RsgiTransport

__all__ = ["money"]

pytestmark = one_postgres


async def test_an_account_cashes_out_and_protects_itself(money: Database) -> None:
    worker = Worker(money)
    transport = RsgiTransport(worker.odds.gateway.front((asked_by_header,)))
    device = Device("laptop", "today")
    async with worker.client, OddsApi("http://gateway", device=device, limits=ApiLimits(), transport=transport) as api:
        api._client.headers["x-account"] = "u1"
        account = Account(api)
        await worker.deposit()
        bet = await a_bet(worker)
        offer = await account.cash_out_offer(bet)
        worker.show(spread("M2", event_id="E2", live=False, home=-150))
        with pytest.raises(Conflict) as changed:
            await account.cash_out(offer, key=new_key())
        assert changed.value.code == "offer_changed"
        offer = await account.cash_out_offer(bet)
        key = new_key()
        taken = await account.cash_out(offer, key=key, stake="5.00")
        assert (taken.amount, taken.open_stake) == ("5.43", "5.00")
        assert await account.cash_out(offer, key=key, stake="5.00") == taken
        assert (await account.set_limit("stake", "day", "50.00", "USD")).left == "40.00"
        raised = await account.set_limit("stake", "day", None, "USD")
        assert raised.pending is not None
        assert raised.pending.amount is None
        assert (await account.activity(datetime.now(UTC) - timedelta(hours=1))).paid == "5.43"
        assert (await account.time_out(hours=1)).until is not None
        assert (await account.exclude_for(days=365)).kind == "self_exclusion"
        assert (await account.exclude_for_ever()).until is None
        assert {one.kind for one in (await account.limits()).exclusions} == {"time_out", "self_exclusion"}
        with pytest.raises(NotAllowed) as refused:
            await api.write(
                "/v1/wallet/deposits", {"amount": "1.00", "currency": "USD"}, dict, idempotency_key=new_key()
            )
        assert refused.value.code == "excluded"
        await worker.service.once.finish()

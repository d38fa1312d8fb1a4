"""One correction applied, in a process of its own that a test kills: what `oddswire correction apply` runs, with
batches small enough to be stopped between any two of them."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.settlement.correcting import corrections, proof_policies


async def main(url: str, correction: str, batch_bets: int) -> None:
    """Goes on with a job, to its end."""
    settings = DatabaseSettings(url=SecretStr(url), connections=2)
    async with open_database(settings, {"enable_seqscan": "off"}) as database:
        service = corrections(database, among=proof_policies(), batch_bets=batch_bets)
        print("applying", flush=True)
        job = await service.apply(correction, by="jo")
        print(job.state, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

"""Settings of placing bets. What happens at a limit stands in its description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from feeds.contract.errors import Refused
from gateway.bets.offers import OfferKeys, offer_keys

Minor = Annotated[int, Field(ge=1, le=1_000_000_000_000)]


class BetsSettings(BaseSettings):
    """Amounts are in minor units of whatever currency; beyond one of them a bet is refused, `limit_exceeded`."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_BETS_", frozen=True, hide_input_in_errors=True)

    development: Annotated[
        bool,
        Field(description="a cashier that gives money to everybody, and a verifier that lets bets in from anywhere"),
    ] = False
    in_play_delay_s: Annotated[
        float,
        Field(ge=0, le=60, description="how long a bet on a live market waits until it is decided; 0: not at all"),
    ] = 3.0
    stake_min: Annotated[Minor, Field(description="smallest stake, minor units")] = 10
    stake_max: Annotated[Minor, Field(description="largest stake, minor units; a desk may set less for a market")] = (
        1_000_000
    )
    payout_max: Annotated[Minor, Field(description="largest payout of one bet, minor units")] = 50_000_000
    market_liability_max: Annotated[
        Minor, Field(description="most the house may lose on one selection, minor units")
    ] = 500_000_000
    house_liability_max: Annotated[
        Minor, Field(description="most the house may lose on all open bets of a currency, minor units")
    ] = 50_000_000_000
    duplicate_s: Annotated[
        float, Field(ge=0, le=60, description="the same bet under another key within this asks for confirmation")
    ] = 5.0
    rate_per_s: Annotated[float, Field(gt=0, le=1_000, description="bets a second of one account, each worker")] = 5.0
    rate_burst: Annotated[int, Field(ge=1, le=1_000, description="bets at once of one account, each worker")] = 10
    running_max: Annotated[int, Field(ge=1, le=100, description="bets of one account that run, each worker")] = 4
    offer_keys: Annotated[
        SecretStr,
        Field(description="KID:SECRET,... of 32 bytes and more: the first seals cash-out offers, all open; none: none"),
    ] = SecretStr("")
    cash_out_margin_bp: Annotated[
        int, Field(ge=0, le=5_000, description="the house's margin on cash-outs, hundredths of a percent")
    ] = 500
    cash_out_s: Annotated[float, Field(ge=0.5, le=60, description="how long a cash-out offer can be taken")] = 5.0
    cash_out_min: Annotated[
        Minor, Field(description="smallest stake that is cashed out in part, and smallest rest, minor units")
    ] = 100
    cash_out_while_excluded: Annotated[
        bool, Field(description="whether who is excluded may still cash out what is open")
    ] = True
    queue_s_max: Annotated[
        float, Field(gt=0, le=10, description="longest wait for the database; who would wait longer gets 503")
    ] = 0.25
    answer_s_max: Annotated[
        float, Field(gt=0, le=60, description="longest until an answer; then 202, and the key tells later")
    ] = 5.0
    book_age_s_max: Annotated[
        float, Field(gt=0, le=60, description="a worker that heard nothing of a lane for longer takes no bet on it")
    ] = 3.0
    finals_mib: Annotated[
        int, Field(ge=1, le=4_096, description="memory for final answers, MiB; beyond it the oldest is asked for anew")
    ] = 32
    answers_kept_h: Annotated[
        int,
        Field(ge=72, le=8_760, description="hours for which answers are kept byte for byte; then made from the bet"),
    ] = 72

    @field_validator("offer_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        try:
            offer_keys(value.get_secret_value())
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return value

    def offers(self) -> OfferKeys:
        """The first seals."""
        return offer_keys(self.offer_keys.get_secret_value())

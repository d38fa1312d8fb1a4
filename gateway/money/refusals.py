"""How a request for money is refused: a code of gateway/api/problems.py, and what the client needs to go on."""

from __future__ import annotations

from collections.abc import Mapping

from feeds.contract.errors import Refused


class MoneyRefused(Refused):
    """Nothing was done by this request. `more` stands in the problem beside its code. With `retry_after_s` it says
    nothing of the key: the same request may get another answer then."""

    def __init__(
        self, code: str, detail: str = "", *, more: Mapping[str, object] | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(code, detail)
        self.more = dict(more or {})
        self.retry_after_s = retry_after_s

    @property
    def later(self) -> bool:
        """Whether the same request is to be made again."""
        return self.retry_after_s is not None


def refused(code: str, more: Mapping[str, object] | None = None) -> MoneyRefused:
    """The refusal that an outcome of the database means: who is excluded for good because the account is closed, is
    told that."""
    if code == "excluded" and more and more.get("closed"):
        return MoneyRefused("account_closed")
    return MoneyRefused(code, more=more)


class Unknown(Exception):
    """It may have been done or may still be: the key tells, later."""

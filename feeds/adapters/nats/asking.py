"""A question to whoever listens on a subject, and its answers, of which there may be many over time. Nothing is stored.

Answers are lost with the connection, without an error; who asks gives up after a silence.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError

from feeds.adapters.nats.connection import Connection, unless_cancelled

_NO_RESPONDERS = "503"

Answer = Callable[[bytes], Awaitable[None]]
"""Sends one answer to who asked."""


class NobodyAnswers(Exception):
    """Nobody listens on the subject, or who listened fell silent."""


async def ask(connection: Connection, subject: str, question: bytes, *, silence_s: float) -> AsyncGenerator[bytes]:
    """The answers as they come, endlessly. Raises NobodyAnswers, also after `silence_s` without one."""
    client = connection.client
    inbox = client.new_inbox()
    try:
        subscription = await client.subscribe(inbox)
        try:
            await client.publish(subject, question, inbox)
            while True:
                message = await unless_cancelled(subscription.next_msg(timeout=silence_s))
                if (message.headers or {}).get("Status") == _NO_RESPONDERS:
                    raise NobodyAnswers(f"nobody listens on {subject}")
                yield message.data
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
    except NatsTimeoutError as error:
        raise NobodyAnswers(f"nothing was heard from {subject} for {silence_s:g} s") from error
    except NatsError as error:
        raise NobodyAnswers(f"{subject}: {error}") from error


async def ask_once(connection: Connection, subject: str, question: bytes, *, within_s: float) -> bytes:
    """The one answer. Raises NobodyAnswers, also where it does not come in time."""
    try:
        message = await connection.client.request(subject, question, timeout=within_s)
    except NatsTimeoutError as error:
        raise NobodyAnswers(f"nothing was heard from {subject} for {within_s:g} s") from error
    except NatsError as error:
        raise NobodyAnswers(f"{subject}: {error}") from error
    return bytes(message.data)


async def tell(connection: Connection, subject: str, data: bytes) -> None:
    """Hands a message over for whoever listens; it is lost with the connection. Raises NobodyAnswers where that is."""
    try:
        await connection.client.publish(subject, data)
    except NatsError as error:
        raise NobodyAnswers(f"{subject}: {str(error) or type(error).__name__}") from error


@contextlib.asynccontextmanager
async def listening(
    connection: Connection, subject: str, hear: Callable[[bytes, Answer], None], *, group: str = ""
) -> AsyncIterator[None]:
    """Within this context `hear` is handed every question on the subject, and the way to answer it. Of those who listen
    as one `group` each question reaches one."""

    async def on_message(message: Msg) -> None:
        async def answer(data: bytes) -> None:
            with contextlib.suppress(NatsError):
                await connection.client.publish(message.reply, data)

        hear(message.data, answer)

    subscription = await connection.client.subscribe(subject, queue=group, cb=on_message)
    try:
        yield
    finally:
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()

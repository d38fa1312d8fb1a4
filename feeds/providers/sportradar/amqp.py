"""The AMQP line: one connection, one queue of our own, messages in order. The thin shell over aio-pika.

Owns how the broker is reached and how its messages are acknowledged. Never reads a message. The token is the user name
and stands in the library's own texts: its log is shut, and errors are told by their kind alone.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from feeds.contract.errors import Refused
from feeds.providers.sportradar.settings import SportradarSettings

CONNECT_TIMEOUT_S: Final = 15.0
HEARTBEAT_S: Final = 10
VIRTUAL_HOST: Final = "/unifiedfeed/{}"
_LIBRARY_LOGS: Final = ("aio_pika", "aiormq")


class LineCut(Exception):
    """The broker cannot be reached, refused us, or went away."""


@asynccontextmanager
async def open_line(settings: SportradarSettings) -> AsyncIterator[AsyncIterator[bytes]]:
    """Messages from now on; each is acknowledged when the next is asked for. Raises LineCut, also from within."""
    for name in _LIBRARY_LOGS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        connection = await aio_pika.connect(
            host=settings.amqp_host,
            port=settings.amqp_port,
            login=settings.token.get_secret_value(),
            password=settings.amqp_password.get_secret_value(),
            virtualhost=VIRTUAL_HOST.format(settings.bookmaker_id),
            ssl=settings.amqp_tls,
            ssl_context=tls_context(settings) if settings.amqp_tls else None,
            timeout=CONNECT_TIMEOUT_S,
            heartbeat=HEARTBEAT_S,
        )
        async with connection:
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=settings.prefetch)
            queue = await channel.declare_queue(exclusive=True, auto_delete=True)
            for key in settings.routing_keys.split(","):
                await queue.bind(settings.exchange, routing_key=key.strip())
            async with queue.iterator() as messages:
                yield _acknowledged(aiter(messages))
    except (OSError, AMQPError, ChannelInvalidStateError) as error:
        raise LineCut(type(error).__name__) from None


async def _acknowledged(messages: AsyncIterator[AbstractIncomingMessage]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield message.body
        await message.ack()
    raise LineCut("the broker ended the subscription")


def tls_context(settings: SportradarSettings) -> ssl.SSLContext:
    """Verifies the broker's certificate and name, unless that was switched off. Raises Refused("bad_ca_file")."""
    try:
        context = ssl.create_default_context(cafile=settings.amqp_ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Refused("bad_ca_file", f"{settings.amqp_ca_file}: {type(error).__name__}") from error
    if not settings.amqp_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

"""A socket of another process is reached through its descriptor, and only those of the port that is meant."""

import os
import socket

from bench.peers import nagle


def nodelay(own: socket.socket) -> bool:
    return bool(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_it_is_off_on_what_was_accepted_on_the_port_and_on_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as near, listening.accept()[0] as accepted:
            assert nagle.turn_off(os.getpid(), port) == 1
            assert [nodelay(own) for own in (accepted, near, listening)] == [True, False, False]

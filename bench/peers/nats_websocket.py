"""nats-server's own WebSocket: one core subject, to which every device subscribes. This process becomes the server.

It cannot hold messages back, so whoever publishes does: what comes within the 20 ms is published as one message.
"""

from __future__ import annotations

import os

from bench.peers.intake import told
from feeds.adapters.server import binary

_CONFIG = """\
listen: "127.0.0.1:{feed_port}"
websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: false }}
"""

if __name__ == "__main__":
    peer = told()
    path = peer.place / "nats-server.conf"
    path.write_text(_CONFIG.format(port=peer.port, feed_port=peer.feed_port))
    os.execv(binary(), [str(binary()), "-c", str(path)])  # noqa: S606 the process that was started is the one measured

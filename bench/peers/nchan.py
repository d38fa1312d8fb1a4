"""nginx with nchan, one worker: one channel, to which every device subscribes. This process becomes nginx.

It cannot hold messages back, so whoever publishes does: what comes within the 20 ms is published as one message.

It leaves Nagle's algorithm on for its WebSockets (seen by strace), and has no setting that turns it off. While a
segment is unacknowledged the next is not sent by the write, but later, by the processing of the acknowledgement, and on
loopback that runs on the listener's processor. Measured with 1,000 sockets and 190 bytes each 20 ms: a write costs the
sender 3.1 us with TCP_NODELAY and 1.9 us without, at exactly as many segments on the wire (TCP_INFO, data_segs_out). So
what it leads the bare loop by is CPU moved to the listeners' core, not CPU saved. `nchan-nodelay` is the same nginx
with TCP_NODELAY set on its connections from outside (nagle.py).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.peers.intake import told

NGINX = "nginx"
MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
"""Where Debian's package libnginx-mod-nchan puts it."""

_CONFIG = """\
load_module {module};
daemon off;
master_process off;
pid {place}/nginx.pid;
error_log stderr notice;
worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {place};
  proxy_temp_path {place};
  fastcgi_temp_path {place};
  uwsgi_temp_path {place};
  scgi_temp_path {place};
  tcp_nodelay on;
  keepalive_requests 1000000;
  nchan_shared_memory_size 128m;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = / {{ nchan_subscriber websocket; nchan_channel_id odds; nchan_subscriber_first_message newest; }}
  }}
  server {{
    listen 127.0.0.1:{feed_port};
    location = / {{ nchan_publisher http; nchan_channel_id odds; nchan_message_buffer_length 50; }}
  }}
}}
"""


def installed() -> bool:
    """Whether this machine has both."""
    return shutil.which(NGINX) is not None and MODULE.exists()


if __name__ == "__main__":
    peer = told()
    path = peer.place / "nginx.conf"
    path.write_text(_CONFIG.format(module=MODULE, place=peer.place, port=peer.port, feed_port=peer.feed_port))
    nginx = shutil.which(NGINX) or NGINX
    os.execv(nginx, [nginx, "-p", str(peer.place), "-c", str(path)])  # noqa: S606 the process started is the one measured

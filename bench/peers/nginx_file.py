"""nginx, one worker, with the body in a file: the limit of what serving these bytes can cost. Becomes nginx."""

from __future__ import annotations

import os
import shutil

from bench.peers.answering import HEADERS, PATH, told
from bench.peers.nchan import NGINX

_CONFIG = """\
daemon off;
master_process off;
pid {place}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {place};
  proxy_temp_path {place};
  fastcgi_temp_path {place};
  uwsgi_temp_path {place};
  scgi_temp_path {place};
  tcp_nodelay on;
  sendfile on;
  etag off;
  keepalive_requests 100000000;
  open_file_cache max=10;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = {path} {{ alias {body}; {headers} add_header request-id $request_id; }}
  }}
}}
"""


def installed() -> bool:
    """Whether this machine has it."""
    return shutil.which(NGINX) is not None


if __name__ == "__main__":
    here = told()
    headers = " ".join(f"add_header {name} '{value}';" for name, value in HEADERS.items())
    path = here.place / "nginx.conf"
    path.write_text(_CONFIG.format(place=here.place, port=here.port, path=PATH, body=here.body, headers=headers))
    nginx = shutil.which(NGINX) or NGINX
    os.execv(nginx, [nginx, "-p", str(here.place), "-c", str(path)])  # noqa: S606 the process started is the one measured

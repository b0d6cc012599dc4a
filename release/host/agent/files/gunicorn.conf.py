"""gunicorn's settings in a slot; what differs between machines and releases stands beside it in web.json."""

import json
from pathlib import Path

_web = json.loads(Path(__file__).with_name("web.json").read_text())

wsgi_app = "slipway_wsgi:application"
worker_class = "gthread"
workers = _web["processes"]
threads = _web["threads"]
umask = 0o007
backlog = 2048
timeout = 30
graceful_timeout = 30
max_requests = 5000
max_requests_jitter = 500
accesslog = None
errorlog = "-"
control_socket_disable = True  # its path cannot be written in the sandbox; unknown to gunicorn before 25.1

"""gunicorn's settings in a slot; what differs between machines and releases stands beside it in web.json."""

# mypy: disable-error-code="import-not-found, import-untyped"

import contextlib
import gc
import json
import os
import weakref
from pathlib import Path
from typing import Any

_connections: weakref.WeakSet[Any] = weakref.WeakSet()  # of Django's, each a thread's own
_web = json.loads(Path(__file__).with_name("web.json").read_text())

wsgi_app = f"slipway_{_web['interface']}:application"
worker_class = {"wsgi": "gthread", "asgi": "asgi"}[_web["interface"]]
workers = _web["processes"]
threads = _web["threads"] if worker_class == "gthread" else 1
umask = 0o007
backlog = 2048
timeout = 30
graceful_timeout = 65
max_requests = 5000
max_requests_jitter = 500
accesslog = None
errorlog = "-"
control_socket_disable = True  # its path cannot be written in the sandbox; unknown to gunicorn before 25.1


def post_worker_init(worker: Any) -> None:
    """Import what a first request would import; the mark tells the gate that this process is ready for visitors."""
    from django.db.backends.signals import connection_created
    from django.urls import get_resolver

    connection_created.connect(_remember)
    len(get_resolver().url_patterns)
    if worker_class == "asgi":
        import slipway_asgi

        slipway_asgi.Worker.current = worker
    _mark(worker).touch()


def worker_exit(server: Any, worker: Any) -> None:
    """Take the mark away, and be gone soon: the interpreter would sort out all of the site's garbage at its end.

    That took half a second of processor a process, beside a new slot with its first visitors. Connections to the
    database, which went with the garbage, are ended here: a server notes each one that breaks off.
    """
    _mark(worker).unlink(missing_ok=True)
    if os.getpid() != worker.pid:  # the master is told, too
        return
    for each in list(_connections):
        with contextlib.suppress(Exception):
            each.connection.close()
    gc.freeze()


def _remember(connection: Any, **_: Any) -> None:
    _connections.add(connection)


def _mark(worker: Any) -> Path:
    return Path(worker.cfg.worker_tmp_dir) / f"ready-{worker.pid}"

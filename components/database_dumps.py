"""Dumps of a database that the cloud keeps, in a bucket of the environment's own."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, Input, ResourceOptions

from components.clouds.cloud import Cloud, Database
from components.driver import keeper, run
from components.media_store import bucket_document
from components.release import answer_of
from components.web_servers import WebServers

__all__ = ["keep_dumps"]


def keep_dumps(
    name: str,
    made: Database,
    *,
    cloud: Cloud,
    site: str,
    web: WebServers,
    notify: Input[str] | None,
    resource: ComponentResource,
) -> dict[str, Any]:
    """Have a web server dump it into a bucket of its own every week; the bucket."""
    inside = ResourceOptions(parent=resource)
    bucket = bucket_document(cloud.bucket("backups", versioned=True, kept=True, opts=inside))
    server = web.servers[0]
    database = {key: getattr(made, key) for key in ("host", "port", "name", "user", "password", "ca")}
    document = {
        "server": server.document(),
        "login_key": web.login_key,
        "site": site,
        # the site's user owns what is dumped; the admin is none of this
        "database": {**database, "admin_user": "", "admin_password": ""},
        "bucket": bucket,
        "notify": notify,
        "keeper": keeper(),
    }
    after = ResourceOptions(depends_on=web.ready)
    dumps = run("dumps", name, document, triggers=[server.server.machine.id], opts=ResourceOptions.merge(inside, after))
    answer_of(dumps, resource=resource)
    return bucket

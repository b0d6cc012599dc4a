"""Managed Postgres clusters: `creating` until a worker has made them, then `online`."""

from __future__ import annotations

import base64
import re
import secrets
from functools import partial

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import catalog, cluster_backups, projects, tags, trusted, vpcs
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_built, not_found, precondition, unprocessable
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.places import DATABASE_PORT
from rehearsal.cloud.rows import Database, Json
from rehearsal.cloud.store import State, new_uuid, now

routes = Routes()
NAME = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")
ADMIN = "doadmin"
DEFAULT_DB = "defaultdb"


def host(name: str) -> str:
    """Give a cluster's public host name."""
    return f"{name}-do-user-0.l.db.ondigitalocean.com"


def private_host(name: str) -> str:
    """Give a cluster's name inside its VPC."""
    return f"private-{host(name)}"


def find(state: State, id: str) -> Database:
    """Find a cluster or answer 404."""
    if id not in state.databases or state.databases[id].doomed:
        raise not_found()
    return state.databases[id]


def online(state: State, id: str) -> Database:
    """Find a cluster that takes changes."""
    cluster = find(state, id)
    if cluster.status != "online":
        raise precondition("cluster is not online yet")
    return cluster


def _render(cluster: Database) -> Json:
    kept = ("id", "name", "version", "num_nodes", "size", "region", "status", "created_at", "tags", "project_id")
    return {
        **{name: getattr(cluster, name) for name in kept},
        "engine": "pg",
        "semantic_version": f"{cluster.version}.0",
        "connection": _connection(cluster, host(cluster.name)),
        "private_connection": _connection(cluster, private_host(cluster.name)),
        "users": [user(cluster, name) for name in cluster.users],
        "db_names": cluster.dbs,
        "maintenance_window": {"day": "sunday", "hour": "03:00:00", "pending": False, **cluster.maintenance},
        "private_network_uuid": cluster.vpc_uuid,
        "storage_size_mib": cluster.storage_size_mib,
        "rules": trusted.render(cluster),
        **{f"version_{name}": at for name, at in catalog.database_ends(cluster.version).items()},
        "metrics_endpoints": [{"host": host(cluster.name), "port": 9273}],
    }


def _connection(cluster: Database, host: str) -> Json:
    password = cluster.users[ADMIN]
    return {
        "protocol": "postgresql",
        "uri": f"postgresql://{ADMIN}:{password}@{host}:{DATABASE_PORT}/{DEFAULT_DB}?sslmode=require",
        "database": DEFAULT_DB,
        "host": host,
        "port": DATABASE_PORT,
        "user": ADMIN,
        "password": password,
        "ssl": True,
    }


def user(cluster: Database, name: str) -> Json:
    """Give the API's object of a cluster's user."""
    settings = {"settings": cluster.user_settings[name]} if name in cluster.user_settings else {}
    role = "primary" if name == ADMIN else "normal"
    return {"name": name, "role": role, "password": cluster.users[name], **settings}


@routes.on("GET", "/databases")
def list_clusters(call: Call) -> Answer:
    """List clusters, all or those with a tag."""
    tag = call.query.get("tag_name")
    with call.read() as state:
        alive = (c for c in state.databases.values() if not c.doomed and tag in (None, *c.tags))
        return call.page("databases", map(_render, alive))


@routes.on("POST", "/databases")
def create_cluster(call: Call) -> Answer:
    """Order a cluster."""
    body = call.body
    with call.change() as state:
        _check(state, body)
        cluster = _order(state, body)
        cluster_backups.inherit(state, cluster, body.get("backup_restore"))
        cluster.rules = trusted.parse(state, cluster.id, body.get("rules") or [], known=[])
        state.databases[cluster.id] = cluster
        answer = _render(cluster)
    call.cloud.start(f"create database {cluster.id}", partial(make, call.cloud, cluster))
    return 201, {"database": answer}


def _check(state: State, body: Json) -> None:
    if body.get("engine") != "pg":
        raise (
            not_built(f"database engine {body.get('engine')}")
            if body.get("engine")
            else unprocessable("engine is required")
        )
    if not NAME.fullmatch(str(body.get("name") or "")):
        raise unprocessable("invalid name: 3 to 63 lower-case letters, digits and dashes, starting with a letter")
    if any(cluster.name == body["name"] for cluster in state.databases.values()):
        raise unprocessable("cluster name is not available")
    if body.get("size") not in catalog.DATABASE_SIZES:
        raise unprocessable("invalid size")
    if body.get("region") not in catalog.REGIONS:
        raise unprocessable("invalid region")
    if str(body.get("version") or "17") not in catalog.DATABASE_VERSIONS:
        raise unprocessable("invalid version")
    check_nodes(body)


def check_nodes(body: Json) -> None:
    """Refuse a number of nodes that the size does not come in."""
    nodes, size = body.get("num_nodes"), body["size"]
    if not isinstance(nodes, int) or not 1 <= nodes <= 3:
        raise unprocessable("num_nodes should be 1, 2 or 3")
    if not comes_in(size, nodes):
        raise unprocessable("invalid cluster size for more than one node")


def comes_in(size: str, nodes: int) -> bool:
    """Say whether a plan is offered with so many nodes: the smallest has no standby."""
    return nodes == 1 or size != "db-s-1vcpu-1gb"


def _order(state: State, body: Json) -> Database:
    vpc = vpcs.choose(state, body.get("private_network_uuid"), region=body["region"])
    return Database(
        id=new_uuid(),
        name=body["name"],
        version=str(body.get("version") or "17"),
        size=body["size"],
        region=body["region"],
        num_nodes=body["num_nodes"],
        created_at=now(),
        vpc_uuid=vpc.id,
        host_ip=vpcs.take_address(state, vpc),
        project_id=body.get("project_id") or projects.default(state).id,
        storage_size_mib=int(body.get("storage_size_mib") or catalog.DATABASE_SIZES[body["size"]][1]),
        users={ADMIN: f"AVNS_{secrets.token_urlsafe(14)}"},
        dbs=[DEFAULT_DB],
        tags=tags.ensure(state, body.get("tags") or []),
    )


def make(cloud: Cloud, cluster: Database) -> None:
    """Bring an ordered cluster to life; while it cannot be made it stays `creating`."""
    cloud.wire(cloud.store.state.vpcs[cluster.vpc_uuid])
    cloud.faults.around(("database", "birth", cluster.name), partial(_create, cloud, cluster), refuse=_refuse)
    with cloud.store.change():
        cluster.status = "online"
    cloud.apply_rules()


def _create(cloud: Cloud, cluster: Database) -> None:
    cloud.hypervisor.create_database(
        id=cluster.id,
        name=cluster.name,
        host_ip=cluster.host_ip,
        names=[host(cluster.name), private_host(cluster.name)],
        port=DATABASE_PORT,
        admin_password=cluster.users[ADMIN],
        max_connections=catalog.database_connections(cluster.size),
        version=cluster.version,
        copy_of=(cluster.copy_of[0], cluster.copy_of[1]) if cluster.copy_of else None,
    )


def _refuse(fault: Fault) -> None:
    raise RuntimeError("refused by a fault")


@routes.on("GET", "/databases/<id>")
def read_cluster(call: Call, id: str) -> Answer:
    """Show a cluster."""
    with call.read() as state:
        return 200, {"database": _render(find(state, id))}


@routes.on("DELETE", "/databases/<id>")
def destroy_cluster(call: Call, id: str) -> Answer:
    """Destroy a cluster; its VPC has it as a member until it is really gone."""
    with call.change() as state:
        cluster = online(state, id)
        cluster.doomed = True
    call.cloud.start(f"destroy database {id}", partial(unmake, call.cloud, cluster))
    return DONE


def unmake(cloud: Cloud, cluster: Database) -> None:
    """Remove a cluster for good."""
    work = partial(cloud.hypervisor.destroy_database, cluster.id)
    cloud.faults.around(("database", "death", cluster.name), work, refuse=_refuse)
    with cloud.store.change() as state:
        state.databases.pop(cluster.id, None)
        state.filed.pop(f"do:dbaas:{cluster.id}", None)


@routes.on("GET", "/databases/<id>/ca")
def read_ca(call: Call, id: str) -> Answer:
    """Show the authority of a cluster's certificate."""
    with call.read() as state:
        find(state, id)
    pem = call.cloud.hypervisor.database_ca()
    return 200, {"ca": {"certificate": base64.b64encode(pem.encode()).decode()}}


@routes.on("GET", "/databases/<id>/firewall")
def read_trusted(call: Call, id: str) -> Answer:
    """List a cluster's trusted sources."""
    with call.read() as state:
        return 200, {"rules": trusted.render(find(state, id))}


@routes.on("PUT", "/databases/<id>/firewall")
def replace_trusted(call: Call, id: str) -> Answer:
    """Replace a cluster's trusted sources."""
    with call.change() as state:
        cluster = find(state, id)
        cluster.rules = trusted.parse(state, id, call.body.get("rules") or [], known=cluster.rules)
    call.cloud.apply_rules()
    return DONE

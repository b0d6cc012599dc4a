"""What clusters come in, and changing that: `resizing` until a worker has done it, never to a smaller one."""

from __future__ import annotations

from functools import partial

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import catalog
from rehearsal.cloud.digitalocean.calls import Answer, Call, Routes
from rehearsal.cloud.digitalocean.databases import check_nodes, comes_in, online
from rehearsal.cloud.digitalocean.errors import unprocessable
from rehearsal.cloud.rows import Database, Json

routes = Routes()


@routes.on("GET", "/databases/options")
def list_options(call: Call) -> Answer:
    """Say which versions, regions and sizes there are; other engines the rehearsal does not have."""
    counts = (1, 2, 3)
    layouts = [
        {"num_nodes": n, "sizes": [size for size in catalog.DATABASE_SIZES if comes_in(size, n)]} for n in counts
    ]
    versions = list(catalog.DATABASE_VERSIONS)
    about = {"regions": list(catalog.REGIONS), "versions": versions, "default_version": versions[-1]}
    ends = [{"version": version, **catalog.database_ends(version)} for version in versions]
    return 200, {"options": {"pg": {**about, "layouts": layouts}}, "version_availability": {"pg": ends}}


@routes.on("PUT", "/databases/<id>/resize")
def resize_cluster(call: Call, id: str) -> Answer:
    """Ask for another size, number of nodes or more storage; it shows as the old one until it is there."""
    call.need("size", "num_nodes")
    with call.change() as state:
        cluster = online(state, id)
        cluster.asked = _asked(cluster, call.body)
        cluster.status = "resizing"
    call.cloud.start(f"resize database {id}", partial(resize, call.cloud, cluster))
    return 202, None


def _asked(cluster: Database, body: Json) -> Json:
    size = body["size"]
    if size not in catalog.DATABASE_SIZES:
        raise unprocessable("invalid size")
    check_nodes(body)
    (memory, storage), (had, _) = catalog.DATABASE_SIZES[size], catalog.DATABASE_SIZES[cluster.size]
    if memory < had:
        raise unprocessable("cannot resize cluster nodes to a smaller size")
    wanted = int(body.get("storage_size_mib") or max(storage, cluster.storage_size_mib))
    if wanted < cluster.storage_size_mib:
        raise unprocessable("storage size cannot be decreased")
    return {"size": size, "num_nodes": body["num_nodes"], "storage_size_mib": wanted}


def resize(cloud: Cloud, cluster: Database) -> None:
    """Bring a cluster to the size that was asked for."""
    cloud.hypervisor.resize_database(cluster.id, max_connections=catalog.database_connections(cluster.asked["size"]))
    with cloud.store.change():
        vars(cluster).update(cluster.asked)
        cluster.asked, cluster.status = {}, "online"
    cloud.apply_rules()

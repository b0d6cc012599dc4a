"""Projects: folders of the account."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_found, precondition, unprocessable
from rehearsal.cloud.rows import Json, Project
from rehearsal.cloud.store import State, new_uuid, now

routes = Routes()
FIELDS = ("name", "description", "purpose", "environment")


def seed(state: State) -> None:
    """Give the account its default project."""
    if not state.projects:
        first = _add(state, {"name": "first-project", "purpose": "Just trying out DigitalOcean"})
        first.is_default = True


def default(state: State) -> Project:
    """Give the project that everything belongs to at first."""
    return next(project for project in state.projects.values() if project.is_default)


def _add(state: State, body: Json) -> Project:
    project = Project(id=new_uuid(), name=body["name"], created_at=now(), updated_at=now())
    _fill(project, body)
    state.projects[project.id] = project
    return project


def _fill(project: Project, body: Json) -> None:
    for name in FIELDS:
        if body.get(name) is not None:
            setattr(project, name, body[name])
    project.updated_at = now()


def _find(state: State, id: str) -> Project:
    if id == "default":
        return default(state)
    if id not in state.projects:
        raise not_found()
    return state.projects[id]


def _render(project: Project) -> Json:
    return {**vars(project), "owner_uuid": "00000000000000000000000000000000000000c1", "owner_id": 1}


@routes.on("GET", "/projects")
def list_projects(call: Call) -> Answer:
    """List projects."""
    with call.read() as state:
        return call.page("projects", map(_render, state.projects.values()))


@routes.on("POST", "/projects")
def create_project(call: Call) -> Answer:
    """Make a project."""
    (name, _) = call.need("name", "purpose")
    with call.change() as state:
        if any(project.name == name for project in state.projects.values()):
            raise unprocessable("name is already in use")
        return 201, {"project": _render(_add(state, call.body))}


@routes.on("GET", "/projects/<id>")
def read_project(call: Call, id: str) -> Answer:
    """Show a project."""
    with call.read() as state:
        return 200, {"project": _render(_find(state, id))}


@routes.on("PUT", "/projects/<id>")
@routes.on("PATCH", "/projects/<id>")
def change_project(call: Call, id: str) -> Answer:
    """Change a project; making it the default takes that from the old one."""
    with call.change() as state:
        project = _find(state, id)
        _fill(project, call.body)
        if call.body.get("is_default"):
            default(state).is_default = False
            project.is_default = True
        return 200, {"project": _render(project)}


@routes.on("DELETE", "/projects/<id>")
def delete_project(call: Call, id: str) -> Answer:
    """Delete an empty project."""
    with call.change() as state:
        project = _find(state, id)
        if project.is_default or any(row["project"] == project.id for row in state.filed.values()):
            raise precondition("cannot delete a project with resources")
        del state.projects[project.id]
        return DONE


@routes.on("GET", "/projects/<id>/resources")
def list_resources(call: Call, id: str) -> Answer:
    """List what was put into a project."""
    with call.read() as state:
        project = _find(state, id)
        mine = ((urn, row) for urn, row in state.filed.items() if row["project"] == project.id)
        return call.page("resources", (_resource(urn, row, "ok") for urn, row in mine))


@routes.on("POST", "/projects/<id>/resources")
def assign(call: Call, id: str) -> Answer:
    """Put resources into a project."""
    with call.change() as state:
        project = _find(state, id)
        urns = [str(urn) for urn in call.body.get("resources") or []]
        for urn in urns:
            if not _exists(state, urn):
                raise unprocessable(f"resource {urn} not found")
        for urn in urns:
            state.filed[urn] = {"project": project.id, "at": now()}
        return 200, {"resources": [_resource(urn, state.filed[urn], "assigned") for urn in urns]}


def _exists(state: State, urn: str) -> bool:
    known: dict[str, Callable[[str], bool]] = {
        "droplet": lambda id: id.isdigit() and int(id) in state.droplets,
        "dbaas": state.databases.__contains__,
        "domain": state.domains.__contains__,
        "reservedip": state.reserved_ips.__contains__,
        "floatingip": state.reserved_ips.__contains__,
        "space": state.buckets.__contains__,
        "vpc": state.vpcs.__contains__,
    }
    _, _, rest = urn.partition("do:")
    kind, _, id = rest.partition(":")
    return kind in known and known[kind](id)


def _resource(urn: str, row: Json, status: str) -> Json:
    _, kind, id = urn.split(":", 2)
    link = f"https://api.digitalocean.com/v2/{kind}s/{id}"
    return {"urn": urn, "assigned_at": row["at"], "links": {"self": link}, "status": status}

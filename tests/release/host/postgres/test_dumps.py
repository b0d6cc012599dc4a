"""What a stack writes down of a database that its cloud keeps, as the machine reads it."""

from __future__ import annotations

import json
from pathlib import Path

from release.host.postgres.dumps import Dumps, Store, facts_file
from release.host.postgres.place import Place

DATABASE = {"host": "db", "port": "5432", "name": "site", "user": "site", "password": "p", "ca": "CA"}


def test_a_document_without_an_owner_and_without_an_admin_is_read(tmp_path: Path) -> None:
    place = Place(tmp_path)
    file = facts_file(place)
    file.parent.mkdir(parents=True)
    database = {**DATABASE, "admin_user": "", "admin_password": ""}
    bucket = dict.fromkeys(Store.__dataclass_fields__, "x")
    file.write_text(json.dumps({"site": "site", "database": database, "bucket": bucket}))
    found = Dumps.read(place)
    assert (found.site, found.database.port, found.database.owner) == ("site", 5432, "")

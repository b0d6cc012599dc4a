"""The stand-ins where no machine can be reached: the same rules and plans, with buckets and Commands of paper.

`python -I paper_plugins.py NAME ENGINE-ADDRESS`. Everything else of a cloud is asked of its API.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:
    from rehearsal.plugins.stand_in import Call, StandIn
    from rehearsal.plugins.wire import Values

BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"


def main() -> None:
    """Serve the engine as the plugin of this name."""
    from rehearsal.plugins.service import serve

    name = sys.argv.pop(1)
    serve({"digitalocean": _digitalocean, "command": _command}[name]())


def _digitalocean() -> StandIn:
    from unittest.mock import patch

    from rehearsal.plugins import digitalocean
    from rehearsal.plugins.stand_in import StandIn, Verbs

    built: list[StandIn] = []
    with patch("rehearsal.plugins.service.serve", built.append):
        digitalocean.main()
    whole = built[0]
    bucket = Verbs(create=_make_bucket, read=_read, update=_change, delete=_nothing)
    return StandIn(
        name=whole.name,
        resources=whole.resources,
        verbs={**whole.verbs, BUCKET: bucket},
        functions=whole.functions,
        configure=whole.configure,
    )


def _command() -> StandIn:
    from rehearsal.plugins.command import LOCAL, REMOTE, RESOURCES
    from rehearsal.plugins.stand_in import StandIn, Verbs

    answering = Verbs(create=_answer, update=_answer_again, delete=_nothing)
    return StandIn(name="command", resources=RESOURCES, verbs={LOCAL: answering, REMOTE: answering})


def _make_bucket(call: Call, asked: Values) -> tuple[str, Values]:
    return asked["name"], {"versioning": {"enabled": False}, "bucketDomainName": f"{asked['name']}.example"}


def _read(call: Call, id: str, state: Values) -> tuple[str, Values]:
    return id, state


def _change(call: Call, id: str, state: Values, asked: Values) -> Values:
    return {}


def _nothing(call: Call, id: str, state: Values) -> None: ...


def _answer(call: Call, asked: Values) -> tuple[str, Values]:
    return call.name, _said(asked)


def _answer_again(call: Call, id: str, state: Values, asked: Values) -> Values:
    return _said(asked)


def _said(asked: Values) -> Values:
    """What the driver, or a machine that is ready, would say."""
    *_, verb, subject = asked["create"].split(" ")
    released = {"artifact": subject, "release": "aaaaaaaaaaaa-12345678", "phases": {"upload": 0.5}, "notes": []}
    arrived = {"dns": "ok", "certificate": "ok", "notes": []}
    kept = {"server": subject, "changed": [], "seconds": {}, "notes": []}
    words = {
        "release": json.dumps(released),
        "arrive": json.dumps(arrived),
        "database": json.dumps(kept),
        "dumps": json.dumps(kept),
    }
    return {"stdout": words.get(verb, subject), "stderr": ""}


if __name__ == "__main__":
    main()

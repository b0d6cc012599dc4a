"""The runner's side of a release: `python -m release.driver VERB SUBJECT`, one JSON document on stdin."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from release.driver.failure import Failure

USAGE = (
    "usage: python -m release.driver release ARTIFACT | arrive ADDRESS | database NAME | dumps NAME | bucket NAME | "
    "remove-bucket NAME (a JSON document on stdin)"
)


def main(words: list[str]) -> int:
    """One line of JSON on stdout, or exit code 1 and the cause as the first line on stderr."""
    from release.ssh import stop_on_signals

    if len(words) != 2 or words[0] not in VERBS:
        print(USAGE, file=sys.stderr)
        return 2
    stop_on_signals()
    document: Mapping[str, Any] = {}
    try:
        document = _document()
        answer = VERBS[words[0]](words[1], document)
    except (Exception, KeyboardInterrupt) as error:
        _tell(_failure(error), verb=words[0], document=document)
        if not isinstance(error, KeyboardInterrupt):
            tell_trouble(words[0], document, cause=_failure(error))
        return 1
    print(json.dumps(answer, separators=(",", ":")), flush=True)
    return 0


def _release(artifact: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.documents import Wanted
    from release.driver.rollout import release

    return release(Wanted.parse(artifact, document, maintenance=os.environ.get("SLIPWAY_MAINTENANCE") == "1"))


def _arrive(address: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.arrive import arrive
    from release.driver.documents import Arriving

    return arrive(Arriving.parse(address, document))


def _database(name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.database import Keeping, keep

    return keep(Keeping.parse(name, document))


def _bucket(name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.bucket import Wanted, keep

    return keep(Wanted.parse(name, document))


def _remove_bucket(name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.bucket import Wanted
    from release.driver.bucket_removal import remove

    return remove(Wanted.parse(name, document))


def _dumps(name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    from release.driver.dumps import Dumping, arrange

    return arrange(Dumping.parse(name, document))


VERBS: dict[str, Callable[[str, Mapping[str, Any]], Mapping[str, Any]]] = {
    "release": _release,
    "arrive": _arrive,
    "database": _database,
    "bucket": _bucket,
    "remove-bucket": _remove_bucket,
    "dumps": _dumps,
}


def _document() -> Mapping[str, Any]:
    try:
        document = json.load(sys.stdin)
    except ValueError as error:
        raise Failure(f"document on stdin: is not JSON ({error}), the program sends it") from None
    if not isinstance(document, dict):
        raise Failure(f"document on stdin: should be an object (got {type(document).__name__}), the program sends it")
    return document


def _failure(error: BaseException) -> Failure:
    from release.bucket import BucketError

    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(f"stopped by {error or 'a signal'}")
    if isinstance(error, BucketError):
        return Failure(str(error))
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    return Failure(f"unexpected {type(error).__name__}: {error}", lines=lines)


def _tell(failure: Failure, *, verb: str, document: Mapping[str, Any]) -> None:
    from release.host.agent.masking import secrets_in

    print(failure.text(verb=verb, secrets=secrets_in(document)), file=sys.stderr, flush=True)


def tell_trouble(verb: str, document: Mapping[str, Any], *, cause: Failure) -> None:
    """Say it where the stack file asks for it; that it could not be said is worth a word and no more."""
    from release.host.agent.masking import secrets_in
    from release.host.notify import Unsent, send

    if not document.get("notify"):
        return
    who = f"{document.get('site')} {document.get('environment', '')}".strip()
    first = cause.text(verb=f"{verb} failed", secrets=secrets_in(document)).splitlines()[0]
    try:
        send(str(document["notify"]), f"{who}: {first}")
    except Unsent as error:
        print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Threads of servers that never answered must not hold up the end.
    os._exit(code)

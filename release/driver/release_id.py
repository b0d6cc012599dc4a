"""The id of a release: its artifact and a digest of its configuration."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["configuration", "release_id"]

# What says where and how to release, not what runs.
NOT_CONFIGURATION = frozenset(
    (
        *("servers", "address", "login_key", "bucket", "certificate_key", "source", "limits", "notify"),
        *("accept_migration", "former_login", "protect"),
    )
)


def configuration(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a release document that decides how the artifact runs."""
    return {key: value for key, value in document.items() if key not in NOT_CONFIGURATION}


def release_id(artifact: str, document: Mapping[str, Any]) -> str:
    """`<12 hex of the artifact>-<8 hex>`; keyed, so that the id of a release tells nothing about its secrets."""
    canonical = json.dumps(configuration(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hmac.new(str(document["secret_key"]).encode(), canonical.encode(), hashlib.sha256)
    return f"{artifact.removeprefix('sha256-')[:12]}-{digest.hexdigest()[:8]}"

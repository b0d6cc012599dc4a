"""What a release tells its processes, and the names under which settings files read it by convention."""

import json
from collections.abc import Mapping, MutableMapping

SETTINGS = "slipway_settings"
# Where a bucket and its key are found by a site that runs with its own settings, by django-storages' names.
STORAGE_NAMES = {
    "AWS_STORAGE_BUCKET_NAME": "name",
    "AWS_S3_ENDPOINT_URL": "endpoint",
    "AWS_S3_ACCESS_KEY_ID": "access_key",
    "AWS_S3_SECRET_ACCESS_KEY": "secret_key",
}
OWN_STORAGE = (*STORAGE_NAMES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def prepare(environ: MutableMapping[str, str]) -> None:
    """Export the names that settings files conventionally read, before the project's settings are imported."""
    environ.setdefault("DEBUG", "0")
    environ.setdefault("ALLOWED_HOSTS", ",".join(hosts(environ)))
    environ.setdefault("CSRF_TRUSTED_ORIGINS", ",".join(origins(environ)))
    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"):
        if name in environ:
            environ.setdefault(f"DJANGO_{name}", environ[name])
    if environ.get("DJANGO_SETTINGS_MODULE", SETTINGS) != SETTINGS:
        export_places(environ)
    # The clouds' S3 does not know the checksum trailers that boto3 sends by default since 1.36.
    environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")


def export_places(environ: MutableMapping[str, str]) -> None:
    """Where static files and uploads lie, for settings that are the project's own."""
    media = json.loads(environ.get("SLIPWAY_MEDIA") or "{}")
    if environ.get("SLIPWAY_STATIC"):
        environ.setdefault("STATIC_ROOT", environ["SLIPWAY_STATIC"])
    if media.get("mode") == "disk":
        environ.setdefault("MEDIA_ROOT", media.get("root") or f"{state(environ)}/media")
    bucket = media.get("bucket")
    if bucket and not any(name in environ for name in OWN_STORAGE):  # half of each would open neither
        environ.update({name: bucket[key] for name, key in STORAGE_NAMES.items()})


def hosts(environ: Mapping[str, str]) -> list[str]:
    return [host for host in environ.get("SLIPWAY_HOSTS", "").split(",") if host]


def origins(environ: Mapping[str, str]) -> list[str]:
    return [f"https://{host}" for host in hosts(environ)]


def state(environ: Mapping[str, str]) -> str:
    return f"/var/lib/{environ.get('SLIPWAY_SITE', 'slipway')}"


def is_asgi(environ: Mapping[str, str]) -> bool:
    return environ.get("SLIPWAY_INTERFACE") == "asgi"


def keep(environ: Mapping[str, str]) -> set[str]:
    """Names the stack file's `keep` leaves to the project, as a JSON list or separated by commas."""
    text = environ.get("SLIPWAY_KEEP", "").strip()
    names = json.loads(text) if text.startswith("[") else text.split(",")
    return {name.strip() for name in names if name.strip()}


def truth(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")

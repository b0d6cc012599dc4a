"""What works on a server, delivered as one file."""

import io
import zipfile
from pathlib import Path

__all__ = ["zipapp"]

HOST = Path(__file__).parent
# Beside the tool itself: what is imported beside the site's own packages.
DATA = "slipway_data"
SCHEMA = "slipway_schema"
MAIN = b"import sys\nfrom host.entry import main\nsys.exit(main())\n"


def zipapp() -> bytes:
    """The agent and the keeper of Postgres as a zipapp; the same tree gives the same bytes everywhere."""
    # Stored: compressed bytes depend on the zlib at hand.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "__main__.py", MAIN)
        _add(archive, "host/__init__.py", b"")
        parts = [HOST / name for name in ("archive.py", "contained.py", "entry.py", "notify.py")]
        for path in [*parts, *_files("agent"), *_files("postgres")]:
            _add(archive, f"host/{path.relative_to(HOST).as_posix()}", path.read_bytes())
        for directory, name in (("data", DATA), ("schema", SCHEMA)):
            for path in _files(directory):
                _add(archive, f"{name}/{path.relative_to(HOST / directory).as_posix()}", path.read_bytes())
    return b"#!/usr/bin/python3\n" + buffer.getvalue()


def _files(directory: str) -> list[Path]:
    found = sorted((HOST / directory).rglob("*"))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, content)

"""The agent that releases on a server, delivered as one file."""

import io
import zipfile
from pathlib import Path

__all__ = ["zipapp"]

AGENT = Path(__file__).parent / "agent"
MAIN = b"import sys\nfrom agent.cli import main\nsys.exit(main())\n"


def zipapp() -> bytes:
    """The agent as a zipapp; the same tree gives the same bytes everywhere."""
    # Stored: compressed bytes depend on the zlib at hand.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "__main__.py", MAIN)
        for path in sorted(AGENT.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                _add(archive, f"agent/{path.relative_to(AGENT).as_posix()}", path.read_bytes())
    return b"#!/usr/bin/python3\n" + buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, content)

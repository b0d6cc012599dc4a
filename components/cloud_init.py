"""User data: what a machine is, rendered from cloud-init/ and held to the size every cloud accepts."""

import re
import string
from collections.abc import Mapping
from pathlib import Path

CLOUD_INIT = Path(__file__).resolve().parent.parent / "cloud-init"
LIMIT = 32 * 1024  # Hetzner's; DigitalOcean allows 64 KiB
VERBATIM = {".sh", ".py", ".html"}  # programs take arguments: their own $ stays theirs
_ALONE = re.compile(r"(?P<indent> *)\$\{(?P<name>[^}]+)\}")


class _Template(string.Template):
    braceidpattern = r"files/[A-Za-z0-9@._-]+|[a-z][a-z_]*"


class CloudInitError(ValueError):
    """User data cannot be rendered as asked."""


def render(
    name: str,
    *,
    site: str,
    address: str = "",
    host_key_private: str,
    host_key_public: str,
    login_public_key: str,
    swap: bool,
    source: Path = CLOUD_INIT,
) -> str:
    """The user data of the machine `name`, at most 32 KiB."""
    values = {
        "site": site,
        "address": address,
        "host_key_private": host_key_private.strip(),
        "host_key_public": host_key_public.strip(),
        "login_public_key": login_public_key.strip(),
        "swap": "yes" if swap else "no",
    }
    files = _files(source, values)
    text = _fill(f"cloud-init/{name}.yaml", (source / f"{name}.yaml").read_text(), values | files)
    _refuse_too_big(name, text, files)
    return text


def _files(source: Path, values: Mapping[str, str]) -> dict[str, str]:
    return {f"files/{path.name}": _file(path, values) for path in sorted((source / "files").iterdir())}


def _file(path: Path, values: Mapping[str, str]) -> str:
    text = path.read_text()
    return text if path.suffix in VERBATIM else _fill(f"cloud-init/files/{path.name}", text, values)


def _fill(where: str, text: str, values: Mapping[str, str]) -> str:
    return "".join(_line(f"{where}:{n}", line, values) for n, line in enumerate(text.splitlines(keepends=True), 1))


def _line(where: str, line: str, values: Mapping[str, str]) -> str:
    alone = _ALONE.fullmatch(line.rstrip("\n"))
    try:
        if alone:
            return _indented(values[alone["name"]], alone["indent"])
        return _Template(line).substitute(values)
    except KeyError as unknown:
        known = ", ".join(sorted(values))
        raise CloudInitError(
            f"{where}: should name a known placeholder (got ${{{unknown.args[0]}}}), known are {known}"
        ) from None
    except ValueError:
        raise CloudInitError(f"{where}: should write a plain dollar sign as $$ (got {line.strip()!r})") from None


def _indented(text: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line else "\n" for line in text.splitlines())


def _refuse_too_big(name: str, text: str, files: Mapping[str, str]) -> None:
    size = len(text.encode())
    if size <= LIMIT:
        return
    biggest = sorted(files.items(), key=lambda item: len(item[1]), reverse=True)[:3]
    listed = ", ".join(f"{file} {len(content.encode())}" for file, content in biggest)
    raise CloudInitError(
        f"cloud-init/{name}.yaml: should be at most {LIMIT} bytes when rendered (got {size}), "
        f"make the biggest files smaller: {listed}"
    )

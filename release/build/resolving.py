"""One resolution by uv: from what is asked for to a closed, hashed set."""

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from release.build import requirements
from release.build.credentials import dressed
from release.build.errors import BuildError
from release.build.explaining import uv_failure
from release.build.requirements import Requested
from release.build.statements import Source
from release.build.uv import UvFailed, uv

# Every package of a closed set is fixed by hash or commit: whichever index has it may give it.
ANY_INDEX = ("--index-strategy", "unsafe-best-match")
COMPILE = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header")


def run(*, source: Source, given: Sequence[str], previous: str, python: str, alone: bool = False) -> str:
    """Resolve with uv; the previous lock is its preference, so that only what must change does."""
    with tempfile.TemporaryDirectory() as scratch:
        extra, out = Path(scratch) / "runtime.in", Path(scratch) / "lock.txt"
        extra.write_text(dressed("".join(f"{line}\n" for line in given), given=[source.inputs]))
        out.write_text(previous)
        place = ["--python", sys.executable, "--python-version", python]  # the target's may run in a root uv cannot see
        files = [str(extra), *ANY_INDEX] if alone else [*source.files, str(extra)]
        command = [*COMPILE, *place, "-o", str(out), *files]
        try:
            uv(command, directory=source.directory, indexes=source.indexes, file=source.file)
        except UvFailed as failure:
            said = str(failure).replace(f"{source.directory}/", "").replace(f"{source.top}/", "")
            raise BuildError(uv_failure(source=source.file, stderr=said)) from None
        return within(out.read_text(), source=source)


def within(text: str, *, source: Source) -> str:
    """Paths of packages as seen from the project, wherever it is staged."""
    top = (source.top or source.directory).as_posix()

    def seen(match: re.Match[str]) -> str:
        path = os.path.relpath(match[1], source.directory).replace(os.sep, "/")
        return path if path.startswith(".") else f"./{path}"

    return re.sub(rf"file://({re.escape(top)}[^\s;#]*)", seen, text)


def hashed(text: str, *, source: Source) -> list[Requested]:
    """What was resolved; of a package whose hashes the project states itself, only those count."""
    own = {(item.name, item.version): item for item in requirements.stated(source.inputs) if "--hash=" in item.text}
    return [
        replace(item, text=with_hashes(item.text, own[item.name, item.version].text))
        if (item.name, item.version) in own
        else item
        for item in requirements.parse(text)
    ]


def with_hashes(text: str, given: str) -> str:
    return " ".join([text.split("--hash=")[0].strip(), *re.findall(r"--hash=\S+", given)])

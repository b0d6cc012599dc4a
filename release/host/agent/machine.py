"""What the agent asks of the machine it runs on."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .failure import Failure

__all__ = ["Done", "Local", "Machine"]


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def lines(self) -> list[str]:
        """What it said, stderr last."""
        return [line.rstrip() for line in (self.out + "\n" + self.err).splitlines() if line.strip()]


class Machine(Protocol):
    """A place with a root directory where commands can be run."""

    root: Path

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Done:
        """Run a command to its end; with `check` anything but 0 is a Failure that names the command."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        ...


class Local:
    """This machine."""

    root = Path("/")

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Done:
        """Run a command to its end."""
        stdin = subprocess.DEVNULL if input is None else None
        try:
            ended = subprocess.run(
                argv,
                input=input,
                stdin=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{argv[0]}: should end within {limit:.0f} s") from None
        except FileNotFoundError:
            raise Failure(f"{argv[0]}: is not on this machine, raise server-generation") from None
        done = Done(ended.returncode, ended.stdout, ended.stderr)
        if check and done.code:
            raise Failure(f"{' '.join(argv[:3])}: {(done.lines or ['said nothing'])[-1]}", detail=done.lines)
        return done

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

"""`python -m rehearsal up|destroy`: a cloud on this computer, and the example sites in it."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys

from rehearsal import paths
from rehearsal.accounts import ACCOUNTS
from rehearsal.steps import Steps


def main() -> int:
    """The command line of `make rehearse` and `make rehearse-destroy`."""
    parser = argparse.ArgumentParser(prog="rehearsal")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start the cloud and bring the example sites up in it")
    up.add_argument("--only", metavar="STACK", help="bring up this one site")
    up.add_argument("--cloud-only", action="store_true", help="start the cloud and stop there")
    up.add_argument("--cloud", choices=ACCOUNTS, help="take the stacks to this cloud instead of the one they name")
    verbs.add_parser("destroy", help="remove every trace of the rehearsal but its caches")
    arguments = parser.parse_args()
    if refused := unfit():
        print(refused, file=sys.stderr)
        return 1
    if arguments.verb == "destroy":
        return destroy()
    cloud = chosen(arguments.cloud)
    return rehearse(only=arguments.only, cloud_only=arguments.cloud_only, cloud=cloud)


def unfit() -> str | None:
    """Why this computer cannot hold a rehearsal, or None."""
    if sys.platform != "linux":
        return f"rehearsal: needs Linux (got {sys.platform}), see docs/rehearsal.md for a Linux virtual machine"
    if platform.machine() != "x86_64":
        needs = "an x86-64 computer: its machines start the packages that are built for the servers"
        return f"rehearsal: needs {needs} (got {platform.machine()}), see docs/rehearsal.md"
    if os.geteuid() != 0:
        return "rehearsal: needs root, for network namespaces and machines: sudo make rehearse"
    return None


def chosen(asked: str | None) -> str | None:
    """The cloud the stacks are taken to, which stays the same for a rehearsal's life; None: the one each names."""
    kept = paths.CHOSEN.read_text() if paths.CHOSEN.exists() else None
    if asked and asked != (kept if kept is not None else asked):
        at = kept or "the clouds their files name"
        raise SystemExit(f"CLOUD: this rehearsal's stacks live on {at} (got {asked!r}), make rehearse-destroy first")
    paths.STATE.mkdir(parents=True, exist_ok=True)
    paths.CHOSEN.write_text(asked or kept or "")
    return asked or kept or None


def rehearse(*, only: str | None, cloud_only: bool, cloud: str | None) -> int:
    """Start what does not run yet, then tell the story inside the rehearsal's network."""
    from rehearsal.start import start

    environment = start(Steps(ledger=paths.LOG / "start.json"), cloud=cloud)
    if cloud_only:
        return 0
    inside = str(paths.BIN / "inside")
    story = [inside, sys.executable, "-m", "rehearsal.story", *(["--only", only] if only else [])]
    os.execve(inside, story, {**os.environ, **environment})


def destroy() -> int:
    """Remove it all and say what is left, which must be nothing."""
    from rehearsal.system.hypervisor import destroy_everything, leftovers

    destroy_everything()
    shutil.rmtree(paths.STATE, ignore_errors=True)
    if left := leftovers():
        print("rehearsal: still there:", *left, sep="\n  ", file=sys.stderr)
        return 1
    print("rehearsal: nothing left (caches are kept)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

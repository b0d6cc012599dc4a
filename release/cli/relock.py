"""The lock kept beside a stack file, resolved anew."""

from __future__ import annotations

from release.build import BuildError
from release.build.relocking import relock as renew
from release.cli.project import CHECKOUT, Project, shown
from release.cli.refusal import Refusal

__all__ = ["relock"]


def relock(project: Project, stack: str) -> int:
    """Print what changed; a resolution that fails leaves the lock as it was."""
    file = project.stack_file(stack)
    source = project.settings(stack).get("project")
    if not source:
        raise Refusal(f"{shown(file)}: project: should name the project to resolve (got none), set it")
    lock = file.with_name(f"{stack}.lock")
    try:
        renewed = renew(CHECKOUT / str(source), lock=lock)
    except BuildError as error:
        raise Refusal(f"{shown(file)}: {error}" if error.setting else str(error)) from None
    for change in renewed.changes:
        print(change)
    count = len(renewed.changes)
    what = f"{count} package{'s' * (count > 1)} changed, commit it" if count else "every package is at its newest"
    print(f"{shown(lock)}: resolved anew from {renewed.source}: {what}")
    return 0

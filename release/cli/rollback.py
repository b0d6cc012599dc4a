"""`slipway rollback` and `slipway unpin`: a kept artifact pinned in the stack file, and the pin taken out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from release.cli.pin import Edit
from release.cli.project import Project, shown
from release.cli.refusal import Refusal, meant
from release.cli.releases import Kept, kept
from release.cli.stack import Stack
from release.cli.up import up

__all__ = ["rollback", "unpin"]


def rollback(project: Project, name: str, *, wanted: str | None, words: Sequence[str]) -> int:
    """Pin what ran before, or the release that is named, and bring it up."""
    file = project.stack_file(name)
    found = kept(Stack.read(project, name))
    to = _chosen(found, wanted, stack=name)
    serving = next((each.release for each in found if each.state in ("serving", "waits")), "nothing")
    reason = f"rolled back from {serving} to {to.release}"
    for line in _written(project, name, {"artifact": to.artifact, "promoted-from": None, "pin-reason": reason}):
        print(line, flush=True)
    code = up(project, name, words=words)
    if code:
        print(f"{shown(file)}: the pin stands; pulumi up -s {name} goes on with it, git diff shows what was written")
    return code


def unpin(project: Project, name: str) -> int:
    """Take the pin out, so that the next `up` runs what the project builds to."""
    file = project.stack_file(name)
    lines = _written(project, name, dict.fromkeys(("artifact", "promoted-from", "pin-reason")), needs="project")
    print(*(lines or [f"{shown(file)}: has no pin"]), sep="\n")
    if lines:
        print(f"\nnext:\n  git diff {shown(file)}\n  pulumi up -s {name}")
    return 0


def _chosen(found: Sequence[Kept], wanted: str | None, *, stack: str) -> Kept:
    """The release to go back to; one that cannot serve is refused with the reason."""
    known = [each.release for each in found if each.back]
    matching = [each for each in found if _named(each, wanted)]
    if not matching:
        what = f"should be a kept release (got {wanted})" if wanted else "has no release before this one to go back to"
        raise Refusal(f"{stack}: {what}, {meant(wanted or '', known) if known else f'slipway releases {stack}'}")
    to = matching[0]
    if not to.back:
        raise Refusal(f"{stack}: {to.release}: {to.because}, slipway releases {stack} names what can be gone back to")
    if to.back == "no":
        raise Refusal(
            f"{stack}: {to.release}: cannot serve from the database as it is now: {to.because}; "
            f"go forward instead, or take one that fits: slipway releases {stack}"
        )
    return to


def _named(each: Kept, wanted: str | None) -> bool:
    if wanted is None:
        return each.state == "previous"
    return each.release.startswith(wanted) or each.artifact.removeprefix("sha256-").startswith(
        wanted.removeprefix("sha256-")
    )


def _written(project: Project, name: str, values: Mapping[str, str | None], *, needs: str = "") -> list[str]:
    """What was changed in the stack file, line by line."""
    edit = Edit.of(project, name, values)
    file = edit.file
    if needs and f"{needs}:" not in edit.after:
        raise Refusal(
            f"{shown(file)}: {needs}: is required without a pin, set it, or promote what another stack has proven"
        )
    if not edit.changes:
        return []
    edit.write()
    return [
        f"{shown(file)}: {key}: {value or '(taken out)'}"
        for key, value in values.items()
        if value or key in edit.before
    ]

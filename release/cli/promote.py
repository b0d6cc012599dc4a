"""What one environment has proven becomes the pin of the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from release.bucket import Bucket, BucketError
from release.cli.pin import Edit
from release.cli.project import Project, shown
from release.cli.refusal import Refusal
from release.cli.stack import LastUpdate, Stack, last_update
from release.cli.status import Word, live
from release.promotions import mark

__all__ = ["hold", "promote"]


def promote(project: Project, *, source: str, target: str, hotfix: str | None = None) -> int:
    """Write the pin, once state, live site and last update of the source agree and its layers verify."""
    if source == target:
        raise Refusal(f"{target}: cannot be promoted from itself, name the environment that has proven the artifact")
    file = project.stack_file(target)
    reason = _reason(hotfix)
    stack = _source(project, source, past_proof=bool(reason))
    artifact = stack.artifact if stack else _unproven(source, reason)
    _verify(artifact, place=_bucket(stack) if stack else None)
    values = {"artifact": artifact, "promoted-from": source if stack else None, "pin-reason": reason}
    edit = Edit.of(project, target, values)
    if stack:
        hold(stack, target=target)
    if not edit.changes:
        print(f"{shown(file)}: names this artifact already: {values['artifact']}")
        return 0
    edit.write()
    print(*(f"{shown(file)}: {key}: {value}" for key, value in values.items() if value), sep="\n")
    print(f"\nnext:\n  git diff {shown(file)}\n  pulumi up -s {target}")
    return 0


def hold(stack: Stack, *, target: str) -> None:
    """Let pruning leave the artifact where the target takes it from, however late its `pulumi up` is."""
    if bucket := stack.outputs.get("release_source"):
        try:
            mark(Bucket.parse(bucket), artifact=stack.artifact, target=target)
        except BucketError as error:
            raise Refusal(f"{stack.name}: {error}, nothing is pinned; promote again") from None


def _reason(hotfix: str | None) -> str | None:
    """Why the proof is passed by, as the stack file is to say it."""
    if hotfix is not None and not " ".join(hotfix.split()):
        raise Refusal("--hotfix: should say why in words (got nothing), it is written into the stack file")
    return f"hotfix: {' '.join(hotfix.split())}" if hotfix else None


def _source(project: Project, source: str, *, past_proof: bool) -> Stack | None:
    """The environment the artifact comes from; None when an artifact itself was named."""
    if source.startswith("sha256-"):
        return None
    return Stack.read(project, source) if past_proof else _proven(project, source)


def _unproven(artifact: str, reason: str | None) -> str:
    """An artifact that no environment has proven, out of this computer's cache."""
    if not reason:
        raise Refusal(f'{artifact}: no environment has proven it, name one, or say why: --hotfix "reason"')
    return artifact


def _bucket(stack: Stack) -> Bucket | None:
    given = stack.outputs.get("release_source")
    if not given:
        raise Refusal(f"{stack.name}: has no output release_source yet, run pulumi up -s {stack.name}")
    return Bucket.parse(given)


def _verify(artifact: str, *, place: Bucket | None) -> None:
    """Every byte of it, before anybody counts on it."""
    from release.driver.failure import Failure
    from release.driver.layers import prove

    try:
        prove(artifact, place=place)
    except (Failure, BucketError) as error:
        raise Refusal(f"{error}; nothing is pinned") from None


def _proven(project: Project, source: str) -> Stack:
    """The environment whose state and live site name the same artifact."""
    with ThreadPoolExecutor() as threads:
        history = threads.submit(last_update, project, source)
        stack = Stack.read(project, source)
        word = live(stack)
        _agree(stack, word, history.result())
    return stack


def _agree(stack: Stack, word: Word, update: LastUpdate) -> None:
    again = f"run pulumi up -s {stack.name} first"
    if not update.good:
        raise Refusal(
            f"{stack.name}: its last update should have succeeded (got {update.kind} {update.result}), {again}"
        )
    if not word.artifact:
        raise Refusal(f"{stack.name}: {stack.url}: should say what it runs (got: {word.note}), {again}")
    if (word.artifact, word.release) != (stack.artifact, stack.release):
        raise Refusal(
            f"{stack.name}: {stack.url}: should run what the state says, {stack.release} of {stack.artifact} "
            f"(got {word.release} of {word.artifact}), {again}"
        )

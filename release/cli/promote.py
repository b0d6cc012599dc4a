"""What one environment has proven becomes the pin of the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from release.bucket import Bucket, BucketError
from release.cli.pin import pinned, replace_file
from release.cli.project import Project, shown
from release.cli.refusal import Refusal
from release.cli.stack import LastUpdate, Stack, last_update
from release.cli.status import Word, live
from release.promotions import mark

__all__ = ["promote"]


def promote(project: Project, *, source: str, target: str) -> int:
    """Write the pin, once state, live site and last update of the source agree."""
    if source == target:
        raise Refusal(f"{target}: cannot be promoted from itself, name the environment that has proven the artifact")
    file = project.stack_file(target)
    stack = _proven(project, source)
    artifact = stack.artifact
    values = {"artifact": artifact, "promoted-from": source}
    with file.open(encoding="utf-8", newline="") as opened:
        before = opened.read()
    after = pinned(before, values=values, project=project.name, where=shown(file))
    _hold(stack, target=target)
    if after == before:
        print(f"{shown(file)}: names this artifact already: {artifact}")
        return 0
    replace_file(file, after)
    print(*(f"{shown(file)}: {key}: {value}" for key, value in values.items()), sep="\n")
    print(f"\nnext:\n  git diff {shown(file)}\n  pulumi up -s {target}")
    return 0


def _hold(stack: Stack, *, target: str) -> None:
    """Let pruning leave the artifact where the target takes it from, however late its `pulumi up` is."""
    if bucket := stack.outputs.get("release_source"):
        try:
            mark(Bucket.parse(bucket), artifact=stack.artifact, target=target)
        except BucketError as error:
            raise Refusal(f"{stack.name}: {error}, nothing is pinned; promote again") from None


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

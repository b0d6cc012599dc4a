"""One release of one environment: all its servers, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from release.driver import provenance, record
from release.driver.confirm import Unconfirmed, confirm, secure
from release.driver.conversation import Conversation, Pieces, ServerFailure
from release.driver.documents import Wanted
from release.driver.failure import Failure
from release.driver.inheritance import Inheritance
from release.driver.layers import bring, discard_damaged
from release.driver.pruning import prune
from release.driver.report import told
from release.driver.session import Ended, Silence
from release.driver.stock import Stock
from release.driver.together import together
from release.driver.tools import tools
from release.ssh import Login

__all__ = ["release"]

# The rest of the agents' commit limit is for the way back and the commit itself.
CONFIRM_SHARE = 0.6
Result = TypeVar("Result")


def release(wanted: Wanted) -> dict[str, Any]:
    """Bring every server to the wanted release; the answer is what was seen running."""
    conversations = [Conversation(server=server, wanted=wanted) for server in wanted.servers]
    inheritance = Inheritance(wanted)
    try:
        return _Rollout(wanted=wanted, conversations=conversations, inheritance=inheritance).run()
    finally:
        for conversation in conversations:
            conversation.end()
        inheritance.end()


class _Rollout:
    def __init__(self, *, wanted: Wanted, conversations: list[Conversation], inheritance: Inheritance) -> None:
        self._wanted = wanted
        self._all = conversations
        self._inheritance = inheritance
        self._clock = record.Clock()
        self._tools: dict[str, str] = {}
        self._manifest: dict[str, Any] = {}
        self._sent = 0  # bytes, to the release bucket
        self._notes: list[str] = []

    def run(self) -> dict[str, Any]:
        """The stages in order; a commit is the last act."""
        try:
            with Login(key=self._wanted.login_key, servers=self._wanted.servers) as login:
                stock = self._timed("upload", lambda: self._upload_and_dial(login))
                self._prepare(login, stock)
            self._stage(Conversation.flip)
            self._timed("confirm", lambda: self._stage(self._confirm))
            self._stage(self._seal)
            self._timed("commit", lambda: self._stage(Conversation.commit))
        except (ServerFailure, KeyboardInterrupt) as error:
            if not all(each.state in ("committed", "rested") for each in self._all):
                raise self._withdrawn(error) from None
        for step in (self._finish, self._pass_on, lambda: self._record("released")):
            with contextlib.suppress(KeyboardInterrupt):  # it ends this step: the release stands
                step()
        return self._answer()

    def _upload_and_dial(self, login: Login) -> Stock:
        """A session with every server meanwhile: new machines may take their time to answer."""
        threads = ThreadPoolExecutor(max_workers=len(self._all))
        try:
            for each in self._all:
                each.dial(login, beside=threads)
            return self._upload()
        except BaseException:
            self._withdraw()
            raise
        finally:
            threads.shutdown(wait=False)

    def _upload(self) -> Stock:
        """The artifact in the environment's own bucket, before any server is told of it."""
        wanted = self._wanted
        self._tools = tools(wanted.document, bucket=wanted.bucket)
        stock = Stock.of(wanted.bucket)
        with ThreadPoolExecutor() as threads:
            beside = threads.submit(provenance.bring, wanted.artifact, stock=stock, source=wanted.source)
            self._manifest = bring(wanted.artifact, stock=stock, source=wanted.source)
        self._notes += beside.result()
        self._sent = stock.sent
        return stock

    def _prepare(self, login: Login, stock: Stock) -> None:
        pieces = _presigning(stock)

        def prepare(each: Conversation) -> None:
            each.prepare(login=login, document=self._told(each), pieces=pieces, inheritance=self._inheritance)

        self._stage(prepare)

    def _told(self, each: Conversation) -> dict[str, Any]:
        return self._wanted.for_agent(manifest=self._manifest, tools=self._tools, lead=each is self._all[0])

    def _confirm(self, each: Conversation) -> None:
        wanted = self._wanted
        limit = wanted.limits.commit * CONFIRM_SHARE
        try:
            confirm(each.server, name=wanted.canonical, release=wanted.release, limit=limit, between=each.check)
        except Unconfirmed as error:
            raise ServerFailure(str(error), conversation=each) from None
        if each.secured:
            each.notes += secure(each.server, name=wanted.canonical, release=wanted.release)

    def _seal(self, each: Conversation) -> None:
        try:
            self._inheritance.seal()
        except (Ended, Silence) as error:
            raise ServerFailure(f"the machine before does not answer: {error}", conversation=each) from None

    def _finish(self) -> None:
        """What is left once the release stands: old slots drain, certificates are kept."""
        wanted = self._wanted
        with ThreadPoolExecutor() as threads:
            pruned = threads.submit(prune, wanted.bucket, artifact=wanted.artifact, tools=self._tools.values())
            kept = [threads.submit(self._inheritance.keep, each.store) for each in self._all if each.store]
            self._stage(Conversation.finish)
            self._take_up([each for each in self._all if each.state == "committed"])
        for each in kept:
            each.result()
        self._notes += pruned.result()

    def _pass_on(self) -> None:
        """The machine before leaves."""
        if self._inheritance.has_predecessor:
            self._timed("hand-over", self._inheritance.pass_on)

    def _take_up(self, left: list[Conversation]) -> None:
        """Agents that were killed after their commit: `up` again would find nothing to do, and leave the old slots."""
        if left:
            with Login(key=self._wanted.login_key, servers=self._wanted.servers) as login:
                self._stage(lambda each: each.take_up(login=login, document=self._told(each)), left)

    def _stage(self, work: Callable[[Conversation], None], among: Sequence[Conversation] | None = None) -> None:
        together(work, self._all if among is None else among, at_first_failure=self._withdraw)

    def _withdraw(self) -> None:
        for conversation in self._all:
            conversation.withdraw()

    def _withdrawn(self, error: BaseException) -> Failure:
        """Wait, within a limit, until every agent has said where it rests."""
        self._withdraw()
        with contextlib.suppress(KeyboardInterrupt):
            together(Conversation.last_word, self._all, at_first_failure=lambda: None)
            for digest in {each.facts["damaged"] for each in self._all if "damaged" in each.facts}:
                discard_damaged(digest, bucket=self._wanted.bucket)
            self._record(f"failed: {error}")
        return told(self._all, error=error)

    def _record(self, decided: str) -> None:
        made = record.told(self._wanted, self._all, self._clock, sent=self._sent, decided=decided)
        self._notes += record.keep(self._wanted.bucket, made) if made else []

    def _timed(self, phase: str, work: Callable[[], Result]) -> Result:
        with self._clock.step(phase):
            return work()

    def _answer(self) -> dict[str, Any]:
        phases: dict[str, float] = {}
        for each in self._all:
            phases.update({name: max(spent, phases.get(name, 0.0)) for name, spent in each.phases.items()})
        return {
            "artifact": self._wanted.artifact,
            "release": self._wanted.release,
            "site": f"https://{self._wanted.canonical}",
            "phases": phases | {step["name"]: step["seconds"] for step in self._clock.steps},
            "fetched": {each.server.name: each.fetched for each in self._all},
            "migrated": _once(name for each in self._all for name in each.migrated),
            "notes": _once(
                [*self._notes, *self._inheritance.notes, *(note for each in self._all for note in each.notes)]
            ),
            "servers": {each.server.name: each.slot for each in self._all},
        }


def _presigning(stock: Stock) -> Pieces:
    """URLs for what a server lacks of the layers it needs; the bucket's key stays here."""

    def pieces(need: Collection[str], here: Collection[str]) -> Mapping[str, list[dict[str, str]]]:
        return {
            digest: [
                {"base": piece.base, "url": stock.bucket.presign(piece.key)} for piece in stock.way(digest, here=here)
            ]
            for digest in need
        }

    return pieces


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))

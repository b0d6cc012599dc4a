"""A certificate store: what is taken from it, what is left, what is refused, and the seal around it."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime, timedelta

import pytest

from release.driver.certificates import Damaged, fit, packed, sealed, unpacked, unsealed
from tests.release.driver.stores import CA, HOSTS, account, store, tar


def test_what_is_packed_comes_out_again_and_always_as_the_same_bytes() -> None:
    files = store()
    assert unpacked(packed(files)) == files
    assert packed(files) == packed(dict(reversed(files.items())))


def test_only_certificates_and_accounts_are_taken() -> None:
    link = tarfile.TarInfo(f"certificates/{CA}/a.org/a.org.key")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
    strange = {
        "../../etc/passwd": b"x",
        "/etc/passwd": b"x",
        "locks/x.lock": b"x",
        f"acme/{CA}/challenge_tokens/a.json": b"x",
        f"certificates/{CA}/a.org/b.org.crt": b"x",
        f"certificates/{CA}/../a.org/a.org.crt": b"x",
        f"certificates/{CA}/.hidden/.hidden.crt": b"x",
    }
    assert unpacked(tar({**strange, **store()}, odd=[link])) == store()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        tar(store())[:700],
        tar({f"certificates/{CA}/a.org/a.org.crt": b"x" * (65 << 10)}),
        tar({f"certificates/{CA}/{n}.org/{n}.org.crt": b"x" for n in range(501)}),
        b"\0" * (5 << 20),
    ],
    ids=["nothing", "other bytes", "cut off", "a large file", "many files", "a large archive"],
)
def test_what_is_damaged_or_out_of_bounds_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        unpacked(content)


def test_a_good_store_is_fit() -> None:
    assert fit(store(), hosts=HOSTS) == (store(), set(HOSTS))


def test_names_that_are_not_wanted_stay_behind() -> None:
    kept, named = fit(store(*HOSTS, "old.example.org"), hosts=[*HOSTS, "new.example.org"])
    assert (kept, named) == (store(), set(HOSTS))


@pytest.mark.parametrize(
    "files",
    [
        store(days=-1),
        store(days=1 / 48),
        store(keys_of=HOSTS),
        {name: b"x" if name.endswith(".crt") else content for name, content in store().items()},
        {name: content for name, content in store().items() if not name.endswith("org.json")},
        {name.replace("example.org", "example.net"): content for name, content in store("b.org").items()},
    ],
    ids=["expired", "about to expire", "another key", "no certificate", "a file missing", "for another name"],
)
def test_what_would_not_serve_stays_behind_and_the_account_goes(files: dict[str, bytes]) -> None:
    assert fit(files, hosts=HOSTS) == (account(), set())


def test_a_certificate_that_is_not_valid_yet_stays_behind() -> None:
    kept, named = fit(store(), hosts=HOSTS, now=datetime.now(UTC) - timedelta(days=100))
    assert (kept, named) == (account(), set())


def test_an_account_without_its_key_stays_behind() -> None:
    (key,) = (name for name in account() if name.endswith(".key"))
    assert fit({**account(), key: b"no key"}, hosts=HOSTS) == ({}, set())


def test_the_seal() -> None:
    content = packed(store())
    closed = sealed(content, secret="one")
    assert unsealed(closed, secret="one") == content
    assert b"PRIVATE KEY" not in closed
    assert closed != sealed(content, secret="one"), "the same nonce twice would give the key away"


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c[:40] + b"x" + c[41:], lambda c: b"", lambda c: c[:5]])
def test_what_was_changed_does_not_open(change: object) -> None:
    assert callable(change)
    with pytest.raises(Damaged, match="sealed with this stack's certificate-key"):
        unsealed(change(sealed(b"content", secret="one")), secret="one")


def test_another_stack_does_not_open_it() -> None:
    with pytest.raises(Damaged):
        unsealed(sealed(b"content", secret="one"), secret="two")

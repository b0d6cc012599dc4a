"""Passwords, names and keys."""

from __future__ import annotations

import base64
import importlib
import string
import threading
from typing import Any

import pytest

from rehearsal.plugins import diff, state, tls
from rehearsal.plugins.log import Log
from rehearsal.plugins.names import automatic
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

random = importlib.import_module("rehearsal.plugins.random")
PASSWORD, STRING = "random:index/randomPassword:RandomPassword", "random:index/randomString:RandomString"
CALL = Call(session=None, urn="", name="it", timeout=0, log=Log(None), cancelled=threading.Event())


def _made(module: Any, token: str, **inputs: Any) -> tuple[str, Values]:
    asked = state.asked(module.RESOURCES[token], inputs)
    id, facts = module.VERBS[token].create(CALL, asked)
    return id, {**state.planned(module.RESOURCES[token], inputs), **facts}


def test_a_seed_makes_one_name() -> None:
    assert automatic(logical="My-Res", seed=b"0123456789abcdef" * 2) == "My-Res-5ca7ff1"
    assert automatic(logical="a", seed=b"") != automatic(logical="a", seed=b"")


def test_a_password_keeps_every_minimum() -> None:
    id, made = _made(random, PASSWORD, length=12, minNumeric=4, minUpper=3, overrideSpecial="_", minSpecial=2)
    drawn = made["result"]
    assert (id, len(drawn)) == ("none", 12)
    assert sum(c in string.digits for c in drawn) >= 4
    assert sum(c in string.ascii_uppercase for c in drawn) >= 3
    assert drawn.count("_") >= 2
    assert made["bcryptHash"].startswith("$2a$10$")
    assert len(made["bcryptHash"]) == 60


def test_only_what_is_asked_for_is_drawn() -> None:
    drawn = _made(random, STRING, length=200, special=False, upper=False, numeric=False)[1]["result"]
    assert set(drawn) <= set(string.ascii_lowercase)


@pytest.mark.parametrize("inputs", [{"numeric": False}, {"number": False}, {"keepers": {"a": None}}, {}])
def test_a_text_that_was_made_differs_in_nothing(inputs: Values) -> None:
    asked = {"length": 8, **inputs}
    found = diff.difference(
        random.RESOURCES[STRING], state=_made(random, STRING, **asked)[1], old_inputs=asked, inputs=asked
    )
    assert found.properties == ()


def test_keepers_replace() -> None:
    held = _made(random, STRING, length=8, keepers={"a": "1"})[1]
    inputs = {"length": 8, "keepers": {"a": "2"}}
    found = diff.difference(random.RESOURCES[STRING], state=held, old_inputs={}, inputs=inputs)
    assert (found.replaces, dict(found.changes)) == (("keepers",), {"keepers.a": "UPDATE"})


def test_forms_of_an_id() -> None:
    id, made = _made(random, "random:index/randomId:RandomId", byteLength=5, prefix="p-")
    drawn = base64.urlsafe_b64decode(id + "=")
    assert made["hex"] == f"p-{drawn.hex()}"
    assert made["dec"] == f"p-{int.from_bytes(drawn, 'big')}"
    assert made["b64Url"] == f"p-{id}"


@pytest.mark.parametrize(
    ("inputs", "begins"),
    [
        ({"algorithm": "ED25519"}, "-----BEGIN PRIVATE KEY-----"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "-----BEGIN EC PRIVATE KEY-----"),
        ({"algorithm": "ECDSA"}, "-----BEGIN EC PRIVATE KEY-----"),
        ({"algorithm": "RSA"}, "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_keys_and_their_public_halves_agree(inputs: Values, begins: str) -> None:
    made = _made(tls, "tls:index/privateKey:PrivateKey", **inputs)[1]
    assert made["privateKeyPem"].startswith(begins)
    told = tls._public_key(None, {"privateKeyPem": made["privateKeyPem"]})
    assert told["algorithm"] == inputs["algorithm"]
    public = ("publicKeyOpenssh", "publicKeyPem", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
    assert {name: told[name] for name in public} == {name: made[name] for name in public}
    for form in ("privateKeyOpenssh", "privateKeyPemPkcs8"):
        if made[form]:  # OpenSSH knows no P224
            name = "privateKeyOpenssh" if form == "privateKeyOpenssh" else "privateKeyPem"
            assert tls._public_key(None, {name: made[form]})["publicKeyPem"] == made["publicKeyPem"]
    assert bool(made["privateKeyOpenssh"]) == (made["ecdsaCurve"] != "P224" or inputs["algorithm"] != "ECDSA")


def test_openssh_reads_the_key_and_agrees_on_its_fingerprint(tmp_path: Any) -> None:
    import shutil
    import subprocess

    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not here")
    made = _made(tls, "tls:index/privateKey:PrivateKey", algorithm="ED25519")[1]
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(made["privateKeyOpenssh"])
    read = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
    assert read.split()[:2] == made["publicKeyOpenssh"].split()[:2]
    (tmp_path / "key.pub").write_text(made["publicKeyOpenssh"])
    told = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True).stdout
    assert made["publicKeyFingerprintSha256"] in told


def test_the_id_of_a_key_is_the_official_one() -> None:
    pem = (
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEA3FGbMbC6MXH8nDbDxRm/axOwjf4BcWnepBNFWStuJMs=\n"
        "-----END PUBLIC KEY-----\n"
    )
    assert tls.key_id(pem) == "d4414432bc93b863c5166edfd6159b9db499beb7"

"""Stand-in for pulumi-resource-tls: private keys, the public halves of given ones, and certificates."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from rehearsal.plugins import certificates
from rehearsal.plugins.certificates import algorithm
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.service import serve
from rehearsal.plugins.stand_in import Call, StandIn, Verbs
from rehearsal.plugins.wire import Secret, Values

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_ALGORITHMS = ("RSA", "ECDSA", "ED25519")
_CURVES = ("P224", "P256", "P384", "P521")


def _known_words(values: Values) -> str | None:
    kind, curve = values.get("algorithm"), values.get("ecdsaCurve", "P224")
    if isinstance(kind, str) and kind not in _ALGORITHMS:
        return f"algorithm: should be one of {', '.join(_ALGORITHMS)} (got {kind!r})"
    if isinstance(curve, str) and curve not in _CURVES:
        return f"ecdsaCurve: should be one of {', '.join(_CURVES)} (got {curve!r})"
    return None


_PRIVATE = ("privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8")
_PUBLIC = ("publicKeyFingerprintMd5", "publicKeyFingerprintSha256", "publicKeyOpenssh", "publicKeyPem")

RESOURCES = {
    "tls:index/privateKey:PrivateKey": Resource(
        framework="plugin-framework",
        inputs={
            "algorithm": Input(required=True, replaces=True),
            "ecdsaCurve": Input(replaces=True, computed=True, default="P224"),
            "rsaBits": Input(kind="integer", replaces=True, computed=True, default=2048),
        },
        outputs=(*_PRIVATE, *_PUBLIC),
        secrets=frozenset(_PRIVATE),
        checks=(_known_words,),
    ),
    **certificates.RESOURCES,
}


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    key = _generate(asked)
    public = _public_facts(key)
    return key_id(public["publicKeyPem"]), _private_facts(key) | public


def _public_key(session: Any, asked: Values) -> Values:
    """The function getPublicKey."""
    from cryptography.hazmat.primitives import serialization as forms

    text = asked.get("privateKeyPem") or asked.get("privateKeyOpenssh")
    if not text:
        raise Refused("getPublicKey: one of privateKeyPem and privateKeyOpenssh is required")
    load = forms.load_ssh_private_key if "OPENSSH" in text else forms.load_pem_private_key
    key = load(text.encode(), password=None)
    public = _public_facts(key)
    given = {name: Secret(value) for name, value in asked.items() if value is not None}
    return {**given, **public, "algorithm": algorithm(key), "id": key_id(public["publicKeyPem"])}


def key_id(public_pem: str) -> str:
    """The id of a key: made from what stands within its PEM, trimmed as a text would be."""
    inside = base64.b64decode("".join(public_pem.strip().splitlines()[1:-1]))
    return hashlib.sha1(inside.strip()).hexdigest()


def _generate(asked: Values) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if asked["algorithm"] == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if asked["algorithm"] == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=asked["rsaBits"])
    curves = (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
    return ec.generate_private_key(curves[_CURVES.index(asked["ecdsaCurve"])])


def _private_facts(key: Any) -> Values:
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def text(form: Any) -> str:
        written: bytes = key.private_bytes(forms.Encoding.PEM, form, forms.NoEncryption())
        return written.decode()

    pkcs8 = forms.PrivateFormat.PKCS8
    return {
        "privateKeyPem": text(pkcs8 if isinstance(key, Ed25519PrivateKey) else forms.PrivateFormat.TraditionalOpenSSL),
        "privateKeyPemPkcs8": text(pkcs8),
        "privateKeyOpenssh": text(forms.PrivateFormat.OpenSSH) if _ssh_can(key) else "",
    }


def _public_facts(key: Any) -> Values:
    from cryptography.hazmat.primitives import serialization as forms

    public = key.public_key()
    pem = public.public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo).decode()
    if not _ssh_can(key):
        return {**dict.fromkeys(_PUBLIC, ""), "publicKeyPem": pem}
    line = public.public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH).decode()
    return {"publicKeyPem": pem, "publicKeyOpenssh": f"{line}\n", **_fingerprints(base64.b64decode(line.split()[1]))}


def _fingerprints(blob: bytes) -> Values:
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {
        "publicKeyFingerprintMd5": hashlib.md5(blob).digest().hex(":"),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }


def _ssh_can(key: Any) -> bool:
    """OpenSSH knows no P224."""
    return getattr(getattr(key, "curve", None), "name", "") != "secp224r1"


VERBS = {"tls:index/privateKey:PrivateKey": Verbs(create=_create), **certificates.VERBS}


def main() -> None:
    """Serve the engine."""
    serve(
        StandIn(
            name="tls",
            resources=RESOURCES,
            verbs=VERBS,
            functions={"tls:index/getPublicKey:getPublicKey": _public_key},
        )
    )


if __name__ == "__main__":
    main()

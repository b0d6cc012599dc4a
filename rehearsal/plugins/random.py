"""Stand-in for pulumi-resource-random: values drawn once and kept in the state."""

from __future__ import annotations

import base64
import secrets
import string
from typing import Any

from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.service import serve
from rehearsal.plugins.stand_in import Call, StandIn, Verbs
from rehearsal.plugins.wire import Values

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


def _same_keepers(wanted: Any, held: Any, state: Values) -> bool:
    def told(keepers: Any) -> Any:
        return {name: value for name, value in (keepers or {}).items() if value is not None}

    return bool(told(wanted) == told(held))


def _same_numeric(wanted: Any, held: Any, state: Values) -> bool:
    # `number` is the old name of `numeric`: whichever the program set, both say the same in the state.
    return bool(held == (state["numeric"] and state["number"]))


_KEEPERS = Input(kind="map", replaces=True, same=_same_keepers)
_CHOICES: dict[str, Input] = {
    "length": Input(kind="integer", required=True, replaces=True),
    "keepers": _KEEPERS,
    "overrideSpecial": Input(replaces=True),
    **{name: Input(kind="flag", replaces=True, computed=True, default=True) for name in ("lower", "upper", "special")},
    **{
        name: Input(kind="flag", replaces=True, computed=True, default=True, same=_same_numeric)
        for name in ("numeric", "number")
    },
    **{
        name: Input(kind="integer", replaces=True, computed=True, default=0)
        for name in ("minLower", "minUpper", "minNumeric", "minSpecial")
    },
}


def _resource(inputs: dict[str, Input], *outputs: str, secret: bool = False, id_in_state: bool = True) -> Resource:
    return Resource(
        framework="plugin-framework",
        inputs=inputs,
        outputs=outputs,
        secrets=frozenset(outputs if secret else ()),
        id_in_state=id_in_state,
    )


RESOURCES = {
    "random:index/randomPassword:RandomPassword": _resource(_CHOICES, "bcryptHash", "result", secret=True),
    "random:index/randomString:RandomString": _resource(_CHOICES, "result"),
    "random:index/randomId:RandomId": _resource(
        {
            "byteLength": Input(kind="integer", required=True, replaces=True),
            "keepers": _KEEPERS,
            "prefix": Input(replaces=True),
        },
        "b64Std", "b64Url", "dec", "hex",
    ),
    "random:index/randomBytes:RandomBytes": _resource(
        {"length": Input(kind="integer", required=True, replaces=True), "keepers": _KEEPERS},
        "base64", "hex", secret=True, id_in_state=False,
    ),
    "random:index/randomPet:RandomPet": _resource(
        {
            "length": Input(kind="integer", replaces=True, computed=True, default=2),
            "separator": Input(replaces=True, computed=True, default="-"),
            "prefix": Input(replaces=True),
            "keepers": _KEEPERS,
        },
    ),
}  # fmt: skip


def draw(asked: Values) -> str:
    """A text of the asked length that holds at least the asked number of each kind of character."""
    numeric = asked.get("numeric", True) and asked.get("number", True)
    special = asked.get("overrideSpecial") or _SPECIAL
    kinds = (
        (string.ascii_lowercase, asked.get("lower", True), asked.get("minLower", 0)),
        (string.ascii_uppercase, asked.get("upper", True), asked.get("minUpper", 0)),
        (string.digits, numeric, asked.get("minNumeric", 0)),
        (special, asked.get("special", True), asked.get("minSpecial", 0)),
    )
    pool = "".join(letters for letters, wanted, _ in kinds if wanted)
    least = [secrets.choice(letters) for letters, _, minimum in kinds for _ in range(minimum)]
    if not pool or len(least) > asked["length"]:
        raise ValueError(f"length: should hold every minimum, and some kind of character (got {asked['length']})")
    drawn = least + [secrets.choice(pool) for _ in range(asked["length"] - len(least))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def _password(call: Call, asked: Values) -> tuple[str, Values]:
    from rehearsal.plugins.bcrypt import bcrypt

    result = draw(asked)
    return "none", _numeric_facts(asked) | {"result": result, "bcryptHash": bcrypt(result)}


def _text(call: Call, asked: Values) -> tuple[str, Values]:
    result = draw(asked)
    return result, _numeric_facts(asked) | {"result": result}


def _numeric_facts(asked: Values) -> Values:
    wanted = asked["numeric"] and asked["number"]
    return {"numeric": wanted, "number": wanted}


def _id(call: Call, asked: Values) -> tuple[str, Values]:
    drawn, prefix = secrets.token_bytes(asked["byteLength"]), asked.get("prefix", "")
    url = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    return url, {
        "b64Url": prefix + url,
        "b64Std": prefix + base64.b64encode(drawn).decode(),
        "dec": f"{prefix}{int.from_bytes(drawn, 'big')}",
        "hex": prefix + drawn.hex(),
    }


def _bytes(call: Call, asked: Values) -> tuple[str, Values]:
    drawn = secrets.token_bytes(asked["length"])
    text = base64.b64encode(drawn).decode()
    return text, {"base64": text, "hex": drawn.hex()}


def _pet(call: Call, asked: Values) -> tuple[str, Values]:
    from rehearsal.plugins.pets import pet

    words = pet(asked["length"])
    return asked["separator"].join([asked["prefix"], *words] if asked.get("prefix") else words), {}


_DRAWN = (_password, _text, _id, _bytes, _pet)
VERBS = {token: Verbs(create=create) for token, create in zip(RESOURCES, _DRAWN, strict=True)}


def main() -> None:
    """Serve the engine."""
    serve(StandIn(name="random", resources=RESOURCES, verbs=VERBS))


if __name__ == "__main__":
    main()

"""Users and passwords in addresses: used while building, and in nothing that is kept, packed or said."""

import re
from collections.abc import Iterable, Mapping

# `git+https://user:password@host/path@commit`; of ssh's addresses the user is no secret.
ADDRESS = re.compile(r"(?P<scheme>https?)://(?:(?P<user>[^/\s'\"<>]+)@)?(?P<rest>[^\s'\";#]+)")
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
PLAIN_USER = re.compile(r"[A-Za-z_]+")  # git, aws, oauth2's own word: whom a keyring is asked for; a token has digits
GIVEN = re.compile(r"(UV_INDEX|POETRY_HTTP_BASIC|POETRY_PYPI_TOKEN)_\w+|(UV|PIP)_(DEFAULT_INDEX|INDEX|\w+_URL)")
SHORTEST = 4  # what is shorter would mask ordinary words


def bare(text: str) -> str:
    """The text with no user and no password in any address."""
    return ADDRESS.sub(r"\g<scheme>://\g<rest>", text)


def holds_credentials(text: str) -> bool:
    """Whether an address in it names a user or password itself, rather than a variable that does."""
    users = (VARIABLE.sub("", match["user"] or "").strip(":") for match in ADDRESS.finditer(text))
    return any(user and not PLAIN_USER.fullmatch(user) for user in users)


def dressed(text: str, *, given: Iterable[str]) -> str:
    """A bare text with the users and passwords that other texts name for the same addresses."""
    known = {place(match): match["user"] for each in given for match in ADDRESS.finditer(each) if match["user"]}

    def put(match: re.Match[str]) -> str:
        user = match["user"] or known.get(place(match))
        return f"{match['scheme']}://{user}@{match['rest']}" if user else match[0]

    return ADDRESS.sub(put, text)


def place(match: re.Match[str]) -> str:
    """What an address is about, whichever commit or spelling it names."""
    return match["rest"].split("@")[0].removesuffix("/").removesuffix(".git").lower()


def masked(text: str, *, environment: Mapping[str, str]) -> str:
    """What a tool said, without the secrets of the environment it ran in."""
    for value in secrets(environment):
        text = text.replace(value, "****")
    return bare(text)


def secrets(environment: Mapping[str, str]) -> list[str]:
    """The passwords that variables for package sources hold, longest first."""
    values = [value for name, value in environment.items() if GIVEN.fullmatch(name) and not name.endswith("USERNAME")]
    users = [match["user"] for value in values for match in ADDRESS.finditer(value) if match["user"]]
    found = [*(value for value in values if "://" not in value), *(user.rpartition(":")[2] for user in users)]
    return sorted({value for value in found if len(value) >= SHORTEST}, key=len, reverse=True)

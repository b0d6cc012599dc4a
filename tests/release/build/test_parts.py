"""The small parts of a build that need no Django: archives, static copies, translations, the target's Python."""

import gettext
import hashlib
import io
import json
import tarfile
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from release.build import BuildError
from release.build.cache import Cache
from release.build.explaining import Failure, project_failure
from release.build.inspection import placeholder
from release.build.layers import Member, pack
from release.build.making import refuse_old_gunicorn, unmeant
from release.build.packages import Packages
from release.build.python import find_python
from release.build.static import pack_static
from release.build.translations import compile_one
from tests.release.build.projects import write

TEXT = b"body { color: red }\n" * 200


def contents(cache: Cache, digest: str) -> dict[str, bytes]:
    packed = cache.path(kind="layers", name=f"{digest}.tar.zst").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompress(packed))) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        return {name: file.read() for name, file in files if file}


def test_an_archive_has_one_order_and_one_set_of_bytes(tmp_path: Path) -> None:
    members = [
        Member("b/c.py", content=b"1", executable=True),
        Member("a", link="b/c.py"),
        Member("b/ä.py", content=b"2"),
    ]
    digests = [
        pack(cache=Cache(tmp_path / name), members=order) for name, order in (("x", members), ("y", members[::-1]))
    ]
    assert digests == ["de922366dee596774abb730e39aed486c73de2640cc95957c3afa63bdb01d13b"] * 2


def test_static_files_get_compressed_copies_that_decode_to_them(tmp_path: Path) -> None:
    cache, directory = Cache(tmp_path / "cache"), tmp_path / "static"
    directory.mkdir()
    for name, content in {
        "a.css": TEXT,
        "small.css": b"x",
        "photo.png": TEXT,
        "given.js": TEXT,
        "given.js.gz": b"g",
    }.items():
        (directory / name).write_bytes(content)
    (directory / "staticfiles.json").write_text(json.dumps({"version": "1.1", "paths": {"b": "c", "a": "d"}}))
    digest = pack_static(cache=cache, directory=directory)
    found = contents(cache, digest)
    assert brotli.decompress(found["static/a.css.br"]) == TEXT
    assert zstandard.ZstdDecompressor().decompress(found["static/a.css.zst"]) == TEXT
    assert found["static/given.js.gz"] == b"g"
    assert not {"static/small.css.br", "static/photo.png.br", "static/staticfiles.json.br"} & set(found)
    assert found["static/staticfiles.json"] == b'{"paths":{"a":"d","b":"c"},"version":"1.1"}'
    assert pack_static(cache=cache, directory=directory) == digest


def test_a_layer_that_was_lost_is_packed_again(tmp_path: Path) -> None:
    cache, directory = Cache(tmp_path / "cache"), write(tmp_path / "static", {"a.css": "a"})
    digest = pack_static(cache=cache, directory=directory)
    cache.path(kind="layers", name=f"{digest}.tar.zst").unlink()
    assert pack_static(cache=cache, directory=directory) == digest
    assert contents(cache, digest) == {"static/a.css": b"a"}


CATALOGUE = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: views.py:1
msgid "note"
msgstr "Notiz \\"eins\\""

msgctxt "verb"
msgid "note"
msgstr "notieren"
msgid "%d note"
msgid_plural "%d notes"
msgstr[0] "%d Notiz"
msgstr[1] ""
"%d "
"Notizen"

#, fuzzy
msgid "guess"
msgstr "Rate"

msgid "empty"
msgstr ""

#~ msgid "old"
#~ msgstr "alt"
"""


def test_translations_say_what_gettext_makes_of_them(tmp_path: Path) -> None:
    write(tmp_path, {"de.po": CATALOGUE})
    found = gettext.GNUTranslations(io.BytesIO(compile_one(tmp_path / "de.po")))
    assert found.gettext("note") == 'Notiz "eins"'
    assert found.pgettext("verb", "note") == "notieren"
    assert [found.ngettext("%d note", "%d notes", number) for number in (1, 2)] == ["%d Notiz", "%d Notizen"]
    assert [found.gettext(text) for text in ("guess", "empty", "old")] == ["guess", "empty", "old"]


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("shim", "exit 127"), ("other", "echo 3.12"), ("real", "echo 3.99")):
        (write(tmp_path / name, {"python3.99": f"#!/bin/sh\n{script}\n"}) / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/shim:{tmp_path}/other:{tmp_path}/real:/usr/bin:/bin")
    assert find_python("3.99") == tmp_path / "real" / "python3.99"
    monkeypatch.setenv("PATH", f"{tmp_path}/shim:/usr/bin:/bin")
    with pytest.raises(BuildError) as caught:
        find_python("3.99")
    assert str(caught.value) == (
        "python3.99: should be on PATH, the servers run it (got none that starts, and none within uv's reach), "
        "install it (`.venv/bin/uv python install 3.99`) or work inside the rehearsal"
    )


def test_placeholders_are_of_the_kind_a_name_suggests() -> None:
    assert int(placeholder("SMTP_PORT")) == int(placeholder("EMAIL_TIMEOUT")) == 1
    assert placeholder("REDIS_URL").startswith("redis://")
    assert placeholder("SENTRY_DSN") == "https://slipway-placeholder@placeholder.invalid/1"
    assert placeholder("USE_TLS") == "0"
    assert placeholder("STRIPE_KEY") == "slipway-placeholder"


def test_the_cache_never_shows_half_a_file(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write(kind="index", key="a", value={"ä": 1})
    assert (tmp_path / "index" / "a.json").read_bytes() == '{"ä":1}'.encode()
    (tmp_path / "index" / "b.json").write_text("{")
    assert (cache.read(kind="index", key="b"), cache.read(kind="index", key="c")) == (None, None)
    assert [path.name for path in (tmp_path / "index").iterdir() if path.name.startswith(".")] == []
    assert hashlib.sha256(cache.path(kind="index", name="a.json").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("3.12", []),
        ("3.13", ["Django 4.2.30 says it runs on Python 3.8 to 3.12, not on 3.13: upgrade it, or say requires-python = "
                  '"==3.12.*" and that is bundled']),
    ],
)  # fmt: skip
def test_a_django_that_does_not_know_the_python_is_told(tmp_path: Path, python: str, said: list[str]) -> None:
    known = "".join(f"Classifier: Programming Language :: Python :: {each}\n" for each in ("3", "3.8", "3.11", "3.12"))
    facts = f"Metadata-Version: 2.1\nName: Django\nVersion: 4.2.30\nClassifier: Framework :: Django\n{known}"
    write(tmp_path, {"Django-4.2.30.dist-info/METADATA": facts})
    assert unmeant(Packages(layer="", directory=tmp_path), minor=python) == said


@pytest.mark.parametrize(
    ("interface", "own", "refused"), [("asgi", "25.3.0", True), ("asgi", "27.0.1", False), ("wsgi", "23.0.0", False)]
)
def test_a_gunicorn_of_the_projects_own_has_to_serve_asgi_well(
    tmp_path: Path, interface: str, own: str, refused: bool
) -> None:
    write(tmp_path, {"gunicorn.dist-info/METADATA": f"Metadata-Version: 2.1\nName: gunicorn\nVersion: {own}\n"})
    packages, found = Packages(layer="", directory=tmp_path), {"interface": interface}
    if not refused:
        return refuse_old_gunicorn(found=found, packages=packages)
    with pytest.raises(BuildError) as error:
        refuse_old_gunicorn(found=found, packages=packages)
    assert str(error.value) == (
        "gunicorn: should be 26.1 or newer to serve ASGI (got 25.3.0, the project's own pin), "
        "raise it or write interface: wsgi"
    )


def test_a_class_of_settings_that_nobody_named_is_asked_for() -> None:
    said = "django-configurations settings importer wasn't correctly installed. Please use one of the starter functions"
    failure = Failure("settings", "ImproperlyConfigured", (), said, "shop/settings.py:5", None, "")
    error = project_failure(failure=failure, settings="shop.settings", modules=[], env=[])
    assert str(error).startswith("settings: should name the class too where django-configurations makes the settings")

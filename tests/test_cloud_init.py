"""User data: golden text, size, placeholders, cloud-init's own schema."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.cloud_init import CLOUD_INIT, LIMIT, CloudInitError, render

GOLDEN = Path(__file__).parent / "rendered" / "web.yaml"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----\n"
SCHEMA = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"


def rendered(**changes: Any) -> str:
    asked: dict[str, Any] = {
        "site": "gallery",
        "host_key_private": KEY,
        "host_key_public": "ssh-ed25519 HOST\n",
        "login_public_key": "ssh-ed25519 LOGIN\n",
        "swap": True,
    }
    return render("web", **{**asked, **changes})


def schemas() -> list[Path]:
    """cloud-init's schema where a Debian root is at hand."""
    cache = Path(os.environ.get("SLIPWAY_CACHE") or Path.home() / ".cache/slipway")
    return [path for path in [Path("/") / SCHEMA, *cache.glob(f"rehearsal/roots/*/{SCHEMA}")] if path.is_file()]


def source(tmp_path: Path, *, text: str = "#cloud-config\n", **files: str) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "web.yaml").write_text(text)
    for name, content in files.items():
        (tmp_path / "files" / name.replace("_", ".")).write_text(content)
    return tmp_path


def test_is_the_reviewed_text() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(rendered())
    assert rendered() == GOLDEN.read_text()


def test_is_the_same_every_time() -> None:
    assert rendered() == rendered()


def test_fits_both_clouds_with_room_to_spare() -> None:
    assert len(rendered(host_key_private=KEY.replace("AAAA", "A" * 400)).encode()) < LIMIT * 3 // 4


def test_is_one_yaml_document_with_one_command() -> None:
    document = yaml.safe_load(rendered())
    assert document["runcmd"] == [["/usr/local/lib/slipway/bootstrap.sh", "gallery", "swap=yes"]]
    assert "packages" not in document
    assert document["ssh_keys"]["ed25519_private"] == KEY
    assert document["ssh_keys"]["ed25519_public"] == "ssh-ed25519 HOST"


def test_no_file_belongs_to_a_user_who_may_not_exist_yet() -> None:
    assert not [item for item in yaml.safe_load(rendered())["write_files"] if "owner" in item]


def test_carries_every_file_and_scripts_verbatim() -> None:
    carried = {item["path"]: item["content"] for item in yaml.safe_load(rendered())["write_files"]}
    assert len(carried) == len(list((CLOUD_INIT / "files").iterdir()))
    script = (CLOUD_INIT / "files/bootstrap.sh").read_text()
    assert carried["/usr/local/lib/slipway/bootstrap.sh"] == script


def test_swap_is_the_scripts_argument() -> None:
    assert "swap=no]" in rendered(swap=False)


def test_holds_no_secret_but_the_host_key() -> None:
    assert rendered().count("PRIVATE KEY") == 2


def test_refuses_an_unknown_placeholder_by_name(tmp_path: Path) -> None:
    place = source(tmp_path, text="#cloud-config\nhostname: ${hostnam}\n")
    with pytest.raises(CloudInitError) as refused:
        rendered(source=place)
    assert str(refused.value) == (
        "cloud-init/web.yaml:2: should name a known placeholder (got ${hostnam}), "
        "known are host_key_private, host_key_public, login_public_key, site, swap"
    )


def test_refuses_an_unknown_placeholder_inside_a_file(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/unit.conf}\n", unit_conf="User=${sit}\n")
    with pytest.raises(CloudInitError, match=r"cloud-init/files/unit.conf:1: .*\$\{sit\}"):
        rendered(source=place)


def test_refuses_a_bare_dollar(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/unit.conf}\n", unit_conf="ExecReload=kill $1\n")
    with pytest.raises(CloudInitError, match=r"files/unit.conf:1: should write a plain dollar sign as \$\$"):
        rendered(source=place)


def test_refuses_what_is_too_big_and_names_the_biggest(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/big.sh}\n", big_sh="x\n" * 20_000, small_sh="x\n")
    with pytest.raises(CloudInitError) as refused:
        rendered(source=place)
    assert str(refused.value) == (
        "cloud-init/web.yaml: should be at most 32768 bytes when rendered (got 80005), "
        "make the biggest files smaller: files/big.sh 40000, files/small.sh 2"
    )


def test_bootstrap_is_strict_bash() -> None:
    script = CLOUD_INIT / "files/bootstrap.sh"
    assert "set -Eeuo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_cloud_inits_own_schema_takes_it() -> None:
    if not schemas():
        pytest.skip("no Debian root with cloud-init on this computer")
    from jsonschema import Draft4Validator  # type: ignore[import-untyped, unused-ignore]

    schema = json.loads(schemas()[0].read_text())
    errors = [error.message for error in Draft4Validator(schema).iter_errors(yaml.safe_load(rendered()))]
    assert errors == []

"""A change sends what has changed, up and down, and whatever a patch is over can always be had whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from release.bucket import Bucket, Stored
from release.build import tree as source_tree
from release.build.cache import Cache
from release.build.making import pack_code
from release.driver import patches, sending
from release.driver.failure import Failure
from release.driver.layers import discard_damaged, prove
from release.driver.stock import Stock
from release.host.agent import layers
from release.host.agent.failure import Failure as Refused
from tests.release.driver.releasing import Builder, compressed, on_disk, tree
from tests.release.driver.world import REPOSITORY, client, keys
from tests.release.host.bench import Recorded, site_on

Place = dict[str, str]
ALL = tree(REPOSITORY / "release", "*.py")
FILE = "src/driver/rollout.py"
CODE = {path: content for path, content in ALL.items() if path.startswith("src/driver/")}


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    if not shutil.which("zstd"):
        pytest.skip("zstd is not on PATH")
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Bucket, "objects", in_order(Bucket.objects))
    site = site_on(tmp_path / "machine")
    return Builder(Cache(tmp_path / "cache"), site, Recorded(site.root))


def in_order(listed: Callable[[Bucket], list[Stored]]) -> Callable[[Bucket], list[Stored]]:
    """Dates that tell apart what came between two listings: the storage's have whole seconds."""
    seen: dict[tuple[str, str, datetime], datetime] = {}

    def objects(bucket: Bucket) -> list[Stored]:
        now = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=len(seen))
        return [replace(each, at=seen.setdefault((bucket.name, each.key, each.at), now)) for each in listed(bucket)]

    return objects


def edited(number: int, *, code: dict[str, bytes] = CODE) -> dict[str, bytes]:
    """The tree with another line in one file."""
    return {**code, FILE: code[FILE] + f"VERSION = {number}\n".encode()}


def code_of(builder: Builder, artifact: str) -> str:
    return str(builder.manifest(artifact)["layers"]["code"])


def unpacked(builder: Builder, artifact: str) -> dict[str, bytes]:
    return on_disk(builder.site.layers / code_of(builder, artifact))


def forget(builder: Builder) -> None:
    shutil.rmtree(builder.cache.root / "layers")


def released(builder: Builder, bucket: Place, versions: int) -> list[str]:
    made = [builder.artifact(CODE if n == 0 else edited(n)) for n in range(versions)]
    for each in made:
        builder.release(each, bucket)
    return made


def test_a_changed_file_of_some_hundred_sends_less_than_itself_up_and_down(builder: Builder, bucket: Place) -> None:
    assert len(ALL) > 200
    after = edited(2, code=ALL)
    first, second = builder.artifact(ALL), builder.artifact(after)
    assert builder.release(first, bucket).bytes > 100_000
    builder.serve(first, bucket)
    sent, moved = builder.release(second, bucket), builder.serve(second, bucket).moved
    assert sent.counted == sent.bytes <= 1.1 * compressed(after[FILE])
    assert [moved] == list(sent.of("layers/").values())
    assert unpacked(builder, second) == after


@pytest.mark.parametrize("changed", ["pictures/views.py", "pictures/templates/pictures/home.html"])
def test_a_change_of_the_example_sends_less_than_the_changed_file(
    builder: Builder, bucket: Place, tmp_path: Path, changed: str
) -> None:
    project = tmp_path / "gallery"
    shutil.copytree(REPOSITORY / "examples/gallery", project, ignore=shutil.ignore_patterns("media", "*.sqlite3"))
    made = []
    for line in (b"", b"\n<!-- a word more -->\n" if changed.endswith("html") else b"\n\ndef more(): return 'more'\n"):
        with (project / changed).open("ab") as file:
            file.write(line)
        found = source_tree.read_tree(project)
        code = pack_code(cache=builder.cache, tree=found, made={}, beside={})
        made.append(builder.of({**builder.manifest(builder.artifact({}))["layers"], "code": code}))
    builder.release(made[0], bucket)
    sent = builder.release(made[1], bucket)
    assert sorted(key.split("/")[0] for key in sent.objects) == ["artifacts", "layers", "manifests"]
    assert sent.counted == sent.bytes <= 1.1 * compressed((project / changed).read_bytes()), sent.objects


def test_a_server_that_has_nothing_gets_all_of_the_chain(builder: Builder, bucket: Place) -> None:
    made = released(builder, bucket, 4)
    assert len(Stock.of(Bucket.parse(bucket)).chain(code_of(builder, made[-1]))) == 4
    builder.serve(made[-1], bucket)
    assert unpacked(builder, made[-1]) == edited(3)
    prove(made[-1], place=Bucket.parse(bucket))


def test_a_server_that_missed_some_gets_the_rest(builder: Builder, bucket: Place) -> None:
    made = released(builder, bucket, 2)
    builder.serve(made[-1], bucket)
    made += [builder.artifact(edited(n)) for n in (8, 9)]
    sent = [builder.release(each, bucket).of("layers/") for each in made[2:]]
    assert builder.serve(made[-1], bucket).moved == sum(size for each in sent for size in each.values())
    assert unpacked(builder, made[-1]) == edited(9)


def test_the_id_and_the_layers_do_not_depend_on_the_way(builder: Builder, bucket: Place, make_bucket: Any) -> None:
    made, other = released(builder, bucket, 3), make_bucket("other")
    builder.release(made[-1], other)
    assert keys(other) & keys(bucket) == {key for key in keys(other) if "from" not in key} & keys(bucket)
    for place in (bucket, other):
        prove(made[-1], place=Bucket.parse(place))


def test_a_chain_ends_with_a_whole_layer_again(
    builder: Builder, bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LINKS", 2)
    made, stock = released(builder, bucket, 4), Stock.of(Bucket.parse(bucket))
    assert [len(stock.chain(code_of(builder, each))) for each in made] == [1, 2, 3, 1]


def test_what_has_changed_by_half_is_sent_whole(builder: Builder, bucket: Place) -> None:
    builder.release(builder.artifact(CODE), bucket)
    other = builder.artifact({path: content[::-1] for path, content in CODE.items()})
    (key,) = builder.release(other, bucket).of("layers/")
    assert key == f"layers/{code_of(builder, other)}.tar.zst"


def test_what_is_too_large_for_a_small_server_is_sent_whole(
    builder: Builder, bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "LARGEST", 50_000)
    released(builder, bucket, 2)
    assert not any("from" in key for key in keys(bucket) if key.startswith("layers/"))


def test_a_new_lock_sends_its_layer_and_no_code(builder: Builder, bucket: Place) -> None:
    builder.release(builder.artifact(CODE), bucket)
    other = builder.artifact(CODE, dependencies={"site-packages/new.py": bytes(range(256)) * 30})
    (key,) = builder.release(other, bucket).of("layers/")
    assert key.startswith(f"layers/{builder.manifest(other)['layers']['dependencies']}.")


def test_a_builder_with_an_empty_cache_takes_the_base_from_the_bucket(builder: Builder, bucket: Place) -> None:
    released(builder, bucket, 3)
    forget(builder)
    (key,) = builder.release(builder.artifact(edited(9)), bucket).of("layers/")
    assert ".from-" in key


def test_a_promotion_sends_what_has_changed_for_that_environment(
    builder: Builder, bucket: Place, make_bucket: Any
) -> None:
    production = make_bucket("production")
    made = released(builder, bucket, 4)
    forget(builder)
    builder.release(made[0], production, source=bucket)
    sent = builder.release(made[3], production, source=bucket)
    assert [code_of(builder, made[0]) in key for key in sent.of("layers/")] == [True]
    prove(made[3], place=Bucket.parse(production))
    builder.serve(made[3], production)
    assert unpacked(builder, made[3]) == edited(3)


def test_a_layer_that_was_touched_on_the_server_is_fetched_whole(builder: Builder, bucket: Place) -> None:
    made = released(builder, bucket, 1)
    builder.serve(made[0], bucket)
    (builder.site.layers / code_of(builder, made[0]) / FILE).write_text("# touched\n")
    made.append(builder.artifact(edited(2)))
    builder.release(made[1], bucket)
    assert builder.serve(made[1], bucket).unfit == [code_of(builder, made[1])]
    assert layers.here(builder.site) == sorted(builder.manifest(made[0])["layers"].values())
    assert builder.serve(made[1], bucket, here=[]).unfit == []
    assert unpacked(builder, made[1]) == edited(2)
    assert not [path for path in builder.site.layers.iterdir() if path.name.startswith(".")]


def test_a_damaged_patch_is_found_discarded_and_brought_anew(builder: Builder, bucket: Place) -> None:
    made, place = released(builder, bucket, 4), Bucket.parse(bucket)
    second = code_of(builder, made[1])
    (key,) = [key for key in keys(bucket) if key.startswith(f"layers/{second}")]
    client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=b"not a patch")
    with pytest.raises(Failure, match="damaged"):
        prove(made[3], place=place)
    with pytest.raises(Refused) as refused:
        builder.serve(made[3], bucket)
    layers.sweep(builder.site)
    assert layers.here(builder.site) == []
    discard_damaged(refused.value.damaged, bucket=place)
    assert key not in keys(bucket)
    builder.release(made[3], bucket)
    prove(made[3], place=place)
    builder.serve(made[3], bucket)
    assert unpacked(builder, made[3]) == edited(3)


def test_a_damaged_layer_in_the_cache_is_no_base(builder: Builder, bucket: Place) -> None:
    made = released(builder, bucket, 1)
    other = builder.artifact(edited(2))
    digests = [code_of(builder, each) for each in (made[0], other)]
    shutil.copy(*[builder.cache.path(kind="layers", name=f"{each}.tar.zst") for each in reversed(digests)])
    builder.release(other, bucket)
    prove(other, place=Bucket.parse(bucket))
    assert f"layers/{digests[1]}.tar.zst" in keys(bucket)


def test_a_manifest_is_at_most_one_patch_away(builder: Builder, bucket: Place) -> None:
    made, stock = released(builder, bucket, 4), Stock.of(Bucket.parse(bucket))
    assert [len(stock.chain(each)) for each in made] == [1, 2, 2, 2]


def test_an_edited_patch_of_a_manifest_gives_way_to_the_whole(builder: Builder, bucket: Place) -> None:
    made = released(builder, bucket, 2)
    (key,) = [key for key in keys(bucket) if key.startswith(f"manifests/{made[1]}.from-")]
    client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=b"edited")
    builder.release(made[1], bucket)
    prove(made[1], place=Bucket.parse(bucket))


@pytest.mark.parametrize("grown", [0, 5, 3_000_000])
def test_a_patch_gives_what_it_was_made_of(grown: int) -> None:
    base = b"".join(CODE.values())
    content = base[: len(base) // 2] + bytes(range(256)) * (grown // 256) + base[len(base) // 3 :]
    assert patches.apply(patches.make(content, base=base), base=base) == content

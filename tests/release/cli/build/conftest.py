"""The builds of these tests share their packages with those of tests/release/build."""

from tests.release.build.conftest import cache, run

__all__ = ["cache", "run"]

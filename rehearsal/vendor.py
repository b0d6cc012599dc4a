"""What DigitalOcean tells every new machine besides its owner's user data, which wins where both say something."""

from __future__ import annotations

DATA = """\
#cloud-config
disable_root: false
manage_etc_hosts: true
"""

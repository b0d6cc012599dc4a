#!/bin/bash
# Makes this machine ready to keep a database. Safe to run again.   database.sh SITE swap=yes|no
set -Eeuo pipefail

site=$1
packages=(ca-certificates e2fsprogs iproute2 nftables openssh-server pgbackrest postgresql-17 python3 sudo unattended-upgrades)
. /usr/local/lib/slipway/steps.sh

step directories
install -d -m 0755 /etc/slipway /usr/local/lib/slipway /etc/nftables.d
install -d -m 0700 "$state/$site"

install_packages
prepare_system "${2#swap=}"

# No cluster yet: it is made, or adopted from the disk that outlives this machine, by pulumi up.
step services
systemctl start unattended-upgrades

ready database

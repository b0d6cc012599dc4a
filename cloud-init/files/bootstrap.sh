#!/bin/bash
# Makes this machine ready for releases. Safe to run again.   bootstrap.sh SITE swap=yes|no
set -Eeuo pipefail

site=$1
swap=${2#swap=}
state=/var/lib/slipway-agent
failed=$state/bootstrap-failed
packages=(caddy ca-certificates curl gunicorn iproute2 nftables openssh-server postgresql-client python3 sudo unattended-upgrades zstd)

install -d -m 0755 "$state"
step=start
trap 'status=$?; echo "step $step failed: exit $status at line $LINENO: $BASH_COMMAND" | tee "$failed" >&2; exit "$status"' ERR

step() {
  step=$1
  echo "slipway: $SECONDS s: $step"
}

# A mirror in the middle of an update, a resolver that is not up yet, a first boot's own apt at work.
patiently() {
  local try
  for try in 1 2 4 8 15 30 60 0; do
    if "$@"; then return 0; fi
    echo "slipway: $1 failed, again in $try s" >&2
    sleep "$try"
  done
  return 1
}

# Offline: packages lay their units down and leave systemd alone until all of them, and ours, are there.
apt() {
  SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends \
    -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io "$@"
}

installed() {
  local count
  count=$(dpkg-query --show --showformat='${db:Status-Abbrev}\n' "${packages[@]}" 2>/dev/null | grep --count '^ii') || true
  [ "$count" -eq "${#packages[@]}" ]
}

step directories
install -d -m 0755 /srv/"$site" /srv/"$site"/{layers,releases,slots,run,static} /etc/caddy/sites /usr/local/lib/slipway
install -d -m 0755 /etc/slipway /etc/slipway/"$site"
install -d -m 0700 "$state/$site"
[ -L "/srv/$site/run/current.sock" ] || ln -s "/run/$site-holding/web.sock" "/srv/$site/run/current.sock"
for unit in web@ worker@ holding run- schedule-; do
  install -d "/etc/systemd/system/$site-$unit.service.d"
  ln -sfn "/usr/local/lib/slipway/$site-sandbox.conf" "/etc/systemd/system/$site-$unit.service.d/sandbox.conf"
done

if ! installed; then
  step 'package lists'
  patiently apt update
  step packages
  patiently apt install "${packages[@]}"
fi

step firewall
systemctl enable --quiet nftables
nft --file /etc/nftables.conf

step system
systemctl daemon-reload
if ! systemd-detect-virt --quiet --container; then
  # Not sysctl: it fails where one key of anybody's file is unknown to the kernel, and a dash does not forgive that.
  /usr/lib/systemd/systemd-sysctl /etc/sysctl.d/90-slipway.conf
  if [ "$swap" = yes ] && [ ! -e /swapfile ]; then
    (umask 077 && fallocate --length 1GiB /swapfile && mkswap --quiet /swapfile)
    systemctl enable --quiet --now swapfile.swap
  fi
fi
systemctl restart systemd-journald
systemctl try-reload-or-restart ssh

step services
HOME=/root caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile
systemctl enable --quiet "$site-holding" slipway-reconcile caddy
if [ "$(readlink "/srv/$site/run/current.sock")" = "/run/$site-holding/web.sock" ]; then
  systemctl start "$site-holding"
fi
systemctl start caddy unattended-upgrades
systemctl reload caddy

# End to end, through Caddy and the very link a release will flip: an answer, and not Caddy's own 502.
step answer
answer=000
for _ in {1..50}; do
  answer=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 http://127.0.0.1/ || true)
  case $answer in 000 | 502) sleep 0.2 ;; *) break ;; esac
done
case $answer in 000 | 502) false ;; esac

step user-data
rm -f /var/lib/cloud/instances/*/user-data.txt* /var/lib/cloud/instances/*/cloud-config.txt

rm -f "$failed"
sync --file-system / # the packages were laid down without it
date --utc +%FT%TZ >"$state/bootstrapped"
step "ready ($answer)"

# What every machine's bootstrap is made of; sourced by it, with its `packages` set.
set -Eeuo pipefail

state=/var/lib/slipway-agent
failed=$state/bootstrap-failed

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

install_packages() {
  installed && return
  step 'package lists'
  patiently apt update
  step packages
  patiently apt install "${packages[@]}"
}

# Firewall, kernel settings and swap (yes or no), once the packages are there.
prepare_system() {
  step firewall
  systemctl enable --quiet nftables
  nft --file /etc/nftables.conf

  step system
  systemctl daemon-reload
  if ! systemd-detect-virt --quiet --container; then
    # Not sysctl: it fails where one key of anybody's file is unknown to the kernel, and a dash does not forgive that.
    /usr/lib/systemd/systemd-sysctl /etc/sysctl.d/90-slipway.conf
    if [ "$1" = yes ] && [ ! -e /swapfile ]; then
      (umask 077 && fallocate --length 1GiB /swapfile && mkswap --quiet /swapfile)
      systemctl enable --quiet --now swapfile.swap
    fi
  fi
  systemctl restart systemd-journald
  systemctl try-reload-or-restart ssh
}

# The last step: WHAT is what the log ends with.
ready() {
  step user-data
  rm -f /var/lib/cloud/instances/*/user-data.txt* /var/lib/cloud/instances/*/cloud-config.txt

  rm -f "$failed"
  sync --file-system / # the packages were laid down without it
  date --utc +%FT%TZ >"$state/bootstrapped"
  step "ready ($1)"
}

#!/bin/bash
# Makes this machine ready for releases. Safe to run again.   bootstrap.sh SITE swap=yes|no
set -Eeuo pipefail

site=$1
packages=(caddy ca-certificates curl gunicorn iproute2 nftables openssh-server postgresql-client python3 sudo unattended-upgrades zstd)
. /usr/local/lib/slipway/steps.sh

step directories
install -d -m 0755 /srv/"$site" /srv/"$site"/{layers,releases,slots,run,static} /etc/caddy/sites /usr/local/lib/slipway
install -d -m 0755 /etc/slipway /etc/slipway/"$site"
install -d -m 0700 "$state/$site"
[ -L "/srv/$site/run/current.sock" ] || ln -s "/run/$site-holding/web.sock" "/srv/$site/run/current.sock"
for unit in web@ worker@ holding run- schedule-; do
  install -d "/etc/systemd/system/$site-$unit.service.d"
  ln -sfn "/usr/local/lib/slipway/$site-sandbox.conf" "/etc/systemd/system/$site-$unit.service.d/sandbox.conf"
done

install_packages
prepare_system "${2#swap=}"
systemctl enable --quiet --now slipway-address

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

ready "$answer"

# browser.sh STATE [URL...]: the host's Chromium inside the rehearsal, with a new profile that trusts its authorities.
state=$1; shift
case " ${*-} " in *" --headless"*) seen=yes ;; *) seen=${DISPLAY-}${WAYLAND_DISPLAY-} ;; esac
if [ -z "$seen" ]; then
  port=$(sed -n 's/.*"port": *\([0-9]*\).*/\1/p' "$state/doorway.json")
  echo "browser: needs a display (got none); use a browser anywhere on this computer with the proxy 127.0.0.1:$port," >&2
  echo "and let it trust $state/ca.pem and $state/pebble-roots.pem" >&2
  exit 1
fi
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "browser: needs Chromium (got none), install it: apt-get install chromium" >&2; exit 1; }
command -v certutil >/dev/null || {
  echo "browser: needs certutil (got none), install it: apt-get install libnss3-tools" >&2; exit 1; }

home=$(mktemp -d -t slipway-browser-XXXXXX)
trap 'rm -rf "$home"' EXIT
mkdir -p "$home/.pki/nssdb" "$home/.local/share/pki" "$home/pem"
certutil -N --empty-password -d "sql:$home/.pki/nssdb"
awk -v into="$home/pem" '/-----BEGIN/ { n++ } n { print > (into "/" n ".pem") }' "$state/ca.pem" "$state/pebble-roots.pem"
for pem in "$home"/pem/*.pem; do
  certutil -A -n "rehearsal-$(basename "$pem")" -t C,, -d "sql:$home/.pki/nssdb" -i "$pem"
done
cp -r "$home/.pki/nssdb" "$home/.local/share/pki/nssdb"  # where newer versions look

XAUTHORITY=${XAUTHORITY-$HOME/.Xauthority}; export XAUTHORITY
HOME=$home; XDG_DATA_HOME=$home/.local/share; export HOME XDG_DATA_HOME
# Chromium's own sandbox refuses root, and going into a network namespace needs root.
"$state/bin/inside" "$chromium" --no-sandbox --no-first-run --no-default-browser-check --disable-sync \
  --disable-background-networking --disable-component-update --no-proxy-server --disable-quic \
  --user-data-dir="$home/profile" "$@"

# Runs on a server at the start of every session of the driver: takes in the agent when this version is missing, then becomes it.
set -eu
digest=$1 size=$2 receive=$3
shift 3
agent=/usr/local/lib/slipway/agent-$(printf %.16s "$digest").pyz
if [ -f "$agent" ]; then
	echo '{"agent":"here"}'
	[ "$(readlink /usr/local/bin/slipway-agent)" = "$agent" ] || sudo -n ln -sfn "$agent" /usr/local/bin/slipway-agent
else
	echo '{"agent":"missing"}'
	sudo -n python3 -I -c "$receive" "$agent" "$size" "$digest"
fi
exec sudo -n python3 "$agent" "$@"

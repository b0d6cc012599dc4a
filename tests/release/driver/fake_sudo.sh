#!/bin/sh
# A stand-in for `sudo -n`: runs the command, with the story's agent in the place of the delivered one.
set -eu
[ "$1" = -n ]
shift
if [ "$1" != python3 ]; then
	exec "$@"
fi
shift
case $1 in
*.pyz)
	[ -f "$1" ]
	exec "$FAKE_PYTHON" -I -S "$FAKE_AGENT" "$@"
	;;
esac
exec "$FAKE_SYSTEM_PYTHON" -S "$@"

#!/bin/sh
# backup VERB: answers one line of JSON.
exec python3 -I /usr/local/bin/slipway-agent backup "$$@"

#!/bin/sh
# WANT_JSON
printf '{"changed": false, "msg": "said: %s"}\n' "$(sed 's/.*"name": "\([a-z]*\)".*/\1/' "$1")"

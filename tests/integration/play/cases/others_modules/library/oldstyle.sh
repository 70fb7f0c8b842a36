#!/bin/sh
. "$1"
echo "{\"changed\": true, \"got\": \"$name\", \"rc\": ${rc:-0}}"

#!/bin/sh
echo "args: $# $1 [$2] $VAR"
echo err >&2
pwd
[ "$1" != bad ] || exit 3

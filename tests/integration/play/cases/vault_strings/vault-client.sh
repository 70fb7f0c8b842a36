#!/bin/sh
# Prints the password of a vault id, as programs that ask a secret store do.
case $2 in
    default) cat vault.pass ;;
    dev) cat dev.pass ;;
    *) echo "no password for $2" >&2; exit 2 ;;
esac

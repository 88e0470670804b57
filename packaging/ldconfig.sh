#!/bin/sh
# Lets the loader know of a library that was just installed; nothing to do where that is a package's business, or not in our power.
[ -z "${DESTDIR:-}" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null && exec ldconfig
exit 0

# need.sh - for ./try and ./check: installs the Debian packages that are missing, having said which and why. Sourced, not run.

# need PACKAGE 'what it is for' [PACKAGE 'what it is for' ...]
need() {
    missing=''
    while [ $# -gt 0 ]; do
        if command -v dpkg-query >/dev/null 2>&1; then
            case $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) in
            installed) ;;
            *) missing="$missing $1"; printf 'missing: %-14s %s\n' "$1" "$2" ;;
            esac
        fi
        shift 2
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" = 0 ]; then as_root=''
    elif command -v sudo >/dev/null 2>&1; then as_root='sudo'
    else
        printf 'This needs root. Run as root:  apt-get install --no-install-recommends%s\n' "$missing" >&2
        return 3
    fi
    printf 'Installing with apt-get:%s\n' "$missing"
    # The first try spares the update where the lists are fresh enough.
    # shellcheck disable=SC2086  # words on purpose
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1; then
        $as_root apt-get update -q >"$log" 2>&1 || true
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1 || {
            tail -n 20 "$log" >&2
            printf 'apt-get could not install:%s\n' "$missing" >&2
            return 3
        }
    fi
}

# What prong-shop is made of.
need_shop() {
    need libmicrohttpd-dev 'HTTP of prong-shop' libsqlite3-dev 'its database' libcurl4-openssl-dev 'its way to the gateway and the mail server' \
        libjansson-dev 'its JSON' libinih-dev 'its configuration' libsystemd-dev 'tells systemd when it is ready' libsodium-dev 'its tokens' \
        libuv1-dev 'its loops' uthash-dev 'its tables' pkg-config 'tells where they are'
}

# configure FOLDER [MESON OPTION ...]: sets the build folder up once; later calls change nothing that is the same.
configure() {
    folder=$1
    shift
    if [ ! -e "$folder/build.ninja" ]; then
        meson setup "$folder" "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; return 1; }
    fi
}

# build FOLDER: compiles what has changed; quiet unless it fails.
build() {
    ninja -C "$1" >"$log" 2>&1 || { grep -v '^\[' "$log" | tail -n 60 >&2; printf 'the build in %s failed\n' "$1" >&2; return 1; }
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

#!/bin/sh
# What is installed is all that a stranger needs: installs into a folder of its own and builds programs against that alone.
#
#     sh tests/test_install.sh BUILD
#
# Prints TAP.
set -u

build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# ok "what holds" COMMAND...: a case that passes if the command does, and shows what the command said if not.
ok() {
    name=$1
    shift
    number=$((number + 1))
    if "$@" > "$work/said" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$work/said"
        failed=$((failed + 1))
    fi
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# ---- programs ----

# Knows of prong what its header says; in C and in C++.
cat > "$work/main.c" << 'END'
#include <prong.h>
#include <stdio.h>
#include <string.h>

static int square(void *record)
{
    int *number = (int *)record;
    *number *= *number;
    return 0;
}

static int run_on(const char *engine)
{
    prong_pool_opts opts;
    prong_pool *pool;
    prong_future *future;
    int number = 7, result = 0;
    memset(&opts, 0, sizeof opts);
    opts.engine = engine;
    if (prong_pool_open(&opts, &pool) != 0 || prong_submit(pool, square, &number, sizeof number, NULL, &future) != 0) {
        fprintf(stderr, "%s: %s\n", engine, prong_last_error());
        return 1;
    }
    if (prong_wait(future, PRONG_NEVER, NULL) == PRONG_DONE)
        result = *(int *)prong_future_record(future);
    prong_future_free(future);
    if (prong_pool_close(pool, PRONG_NEVER) != 0)
        return 1;
    return result == 49 ? 0 : 1;
}

int main(void)
{
    if (prong_init() != 0 || strcmp(prong_version(), "0.1.0") != 0)
        return 1;
    return run_on("serial") || run_on("threads:2") || run_on("processes:2");
}
END
cp "$work/main.c" "$work/main.cpp"

# ---- cases ----

install_all() {
    meson install -C "$build" --destdir "$work/root" --no-rebuild --quiet
}

find_installed() {
    [ -n "$(find "$work/root" -path "*$1")" ] || { echo "no $1 among:"; find "$work/root" -type f; false; }
}

# A page or a file of completions, by what the program calls it.
same_pages() {
    for page in man-prong=prong.1 man-compare=prong-compare.1 man-records=prong-records.1 man-doctor=prong-doctor.1 zsh=_prong fish=prong.fish \
        bash=bash-completion/completions/prong; do
        program=$(find "$work/root" -path '*/bin/prong')
        LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name libprong.so)") "$program" --generate "${page%%=*}" > "$work/page" || return 1
        cmp "$work/page" "$(find "$work/root" -path "*/${page#*=}")" || return 1
    done
}

# The same of the shop.
same_shop_pages() {
    for page in man-prong-shop=prong-shop.1 man-serve=prong-shop-serve.1 zsh=_prong-shop fish=prong-shop.fish \
        bash=bash-completion/completions/prong-shop; do
        program=$(find "$work/root" -path '*/bin/prong-shop')
        LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name libprong.so)") "$program" --generate "${page%%=*}" > "$work/page" || return 1
        cmp "$work/page" "$(find "$work/root" -path "*/${page#*=}")" || return 1
    done
}

# What systemd is to run is what is installed.
same_command() {
    unit=$(find "$work/root" -name prong-shop.service)
    command=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$unit")
    [ -x "$work/root$command" ] || { echo "$unit runs $command, which is not there"; false; }
}

know_library() {
    pc=$(find "$work/root" -name prong.pc)
    [ -n "$pc" ] || return 1
    PKG_CONFIG_PATH=$(dirname "$pc")
    PKG_CONFIG_SYSROOT_DIR=$work/root
    LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
    export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
    cflags=$(pkg-config --cflags prong) && libs=$(pkg-config --libs prong) && static_libs=$(pkg-config --static --libs prong) &&
        [ "$(pkg-config --modversion prong)" = 0.1.0 ]
}

build_and_run() {
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/main.c" -o "$work/main" $cflags $libs && "$work/main"
}

# The shared library is out of sight, so this is the static one.
build_and_run_static() {
    mkdir "$work/static" && cp "$(find "$work/root" -name libprong.a)" "$work/static" || return 1
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 "$work/main.c" -o "$work/main-static" $cflags -L"$work/static" $(echo "$static_libs" | sed "s#-L[^ ]*##g") &&
        env -u LD_LIBRARY_PATH "$work/main-static"
}

build_and_run_cpp() {
    # shellcheck disable=SC2086
    ${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Werror "$work/main.cpp" -o "$work/main-cpp" $cflags $libs && "$work/main-cpp"
}

build_and_run_cmake() {
    mkdir "$work/project" && cp "$work/main.c" "$work/project" || return 1
    cat > "$work/project/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.16)
project(stranger C)
find_package(prong REQUIRED)
add_executable(stranger main.c)
target_link_libraries(stranger PRIVATE prong::prong)
END
    cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/root$prefix" &&
        cmake --build "$work/project/build" && "$work/project/build/stranger"
}

prefix=$(meson introspect --buildoptions "$build" | python3 -c '
import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')

ok "it installs into a folder of its own" install_all
ok "the header is there" find_installed /include/prong.h
ok "and that for bindings" find_installed /include/prong/link.h
ok "the library is there, under its three names" eval 'find_installed /libprong.so && find_installed /libprong.so.0 && find_installed /libprong.so.0.1.0'
ok "the program is there" find_installed /bin/prong
if meson introspect --targets "$build" | grep -q '"generated-man-prong"'; then
    ok "manual pages are there" eval 'find_installed /man/man1/prong.1 && find_installed /man/man1/prong-compare.1 &&
        find_installed /man/man1/prong-records.1 && find_installed /man/man1/prong-doctor.1'
    ok "completions are there, where each shell looks for them" eval 'find_installed /share/bash-completion/completions/prong &&
        find_installed /share/zsh/site-functions/_prong && find_installed /share/fish/vendor_completions.d/prong.fish'
    ok "they are what the installed program prints" same_pages
else
    skip "manual pages and completions are there" "this build does not run its own programs"
fi
if meson introspect --targets "$build" | grep -q '"shop-man-prong-shop"'; then
    ok "prong-shop is there, its pages and completions" eval 'find_installed /bin/prong-shop && find_installed /man/man1/prong-shop.1 &&
        find_installed /man/man1/prong-shop-serve.1 && find_installed /share/bash-completion/completions/prong-shop &&
        find_installed /share/zsh/site-functions/_prong-shop && find_installed /share/fish/vendor_completions.d/prong-shop.fish'
    ok "they are what the installed prong-shop prints" same_shop_pages
    ok "its example configuration is there, and its systemd unit, which runs it" eval 'find_installed /examples/prong-shop.conf &&
        find_installed /lib/systemd/system/prong-shop.service && same_command'
else
    skip "prong-shop is there" "this build has no prong-shop, or does not run its own programs"
fi
ok "pkg-config knows it" know_library
if [ -n "${cflags+set}" ]; then
    ok "a C program that knows pkg-config alone builds and runs" build_and_run
    ok "a C program with the static library builds and runs" build_and_run_static
    if command -v "${CXX:-c++}" > /dev/null; then
        ok "a C++17 program builds without a warning and runs" build_and_run_cpp
    else
        skip "a C++17 program builds without a warning and runs" "there is no C++ compiler"
    fi
    if command -v cmake > /dev/null; then
        ok "a CMake project that finds prong builds and runs" build_and_run_cmake
    else
        skip "a CMake project that finds prong builds and runs" "there is no cmake"
    fi
fi
echo "1..$number"
[ "$failed" = 0 ]

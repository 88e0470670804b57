#!/bin/sh
# measure.sh - makes packages.csv: of every 16th package that this machine's index knows, in the order of
# their names, how large it is installed and how large its file is.
#
#     data/measure.sh > data/packages.csv
#
# Needs apt-cache (Debian) and awk. Packages that do not say both sizes are left out before counting.
set -eu
export LC_ALL=C
command -v apt-cache >/dev/null || { echo 'measure.sh: no apt-cache here: this is not Debian' >&2; exit 1; }

rows() {
    apt-cache dumpavail | awk '
        function show() {
            if (package != "" && installed != "" && download != "")
                print package "," section "," installed "," download
            package = section = installed = download = ""
        }
        /^Package: /        { package = $2 }
        /^Section: /        { section = $2 }
        /^Installed-Size: / { installed = $2 }
        /^Size: /           { download = $2 }
        /^$/                { show() }
        END                 { show() }'
}

echo package,section,installed_kib,download_bytes
rows | sort -t , -k 1,1 -u | awk 'NR % 16 == 0'

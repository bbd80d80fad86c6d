#!/bin/sh
# Tests a running stack, on this machine or deployed, by the API's contract and by a browser:
#   scripts/test-integration.sh --backend-url URL [--timeout S] [OPTION OF `dagger call integration` ...]
# such as --frontend-url, --metrics-url and --prometheus-url (each widens what is tested), and --keys FOLDER: its files
# first.key, second.key and admin.key go as secrets. The evidence goes to evidence/integration. Ends with 0 if all that
# could be tested is green, 1 if not, 2 where no address is given.
# DEBUG=1 shows what is run and all that it prints. Paths are seen from the root of this repository.
set -eu
[ "${DEBUG:-0}" = 0 ] || set -x
cd "$(dirname "$0")/.."
usage() {
  sed -n '2,7s/^# \{0,1\}//p' scripts/test-integration.sh >&2
  exit 2
}
backend=
here=
left=$#
while [ "$left" -gt 0 ]; do
  case $1 in
  --*=*) word=$1 ;;
  --*) [ "$left" -gt 1 ] || usage && word=$1=$2 && shift && left=$((left - 1)) ;;
  *) usage ;;
  esac
  shift && left=$((left - 1))
  case $word in
  --keys=*://*) ;; # secrets already
  --keys=?*)
    at=file://${word#*=}
    word=--keys=$at/first.key,$at/second.key,$at/admin.key
    ;;
  esac
  set -- "$@" "$word"
  case $word in --backend-url=?*) backend=yes ;; esac
  place=${word#--*-url=*://} # of an address: the host and its port
  case ${place%%/*} in
  localhost:* | 127.0.0.1:*) here=$here,tcp://${place%%/*} ;; # a container reaches it by that alone
  esac
done
[ "$backend" ] || usage
progress=dots
[ "${DEBUG:-0}" = 0 ] || progress=plain
folder=evidence/integration
rm -rf "$folder"
./daggerw --progress "$progress" call integration "$@" ${here:+"--here=${here#,}"} export --path "$folder" >&2
cat "$folder/summary.md"
grep -q '^  .passed.. true,$' "$folder/status.json"

# Leaves the changelog of the archive's newest package of each installed source, as SOURCE.gz, and in
# the file `missing` the names of the sources of which none could be had.
# Arguments: a folder in which every folder has a file `status` as dpkg keeps it; a folder to fill.
set -eu
status=$1 output=$2
export LC_ALL=C
work=$(mktemp -d)
mkdir -p "$output"
apt-get update -qq -o APT::Update::Error-Mode=any # half an archive knows half of the fixes
for folder in "$status"/*; do
  # dpkg fills in what looks like variables
  # shellcheck disable=SC2016
  dpkg-query --admindir="$folder" -W -f '${source:Package} ${Package}\n'
done >"$work/installed"
sort -u "$work/installed" >"$work/open"
cut -d' ' -f1 "$work/open" | sort -u >"$work/sources"
apt-cache pkgnames | sort >"$work/known"
touch "$work/done"

# Keeps the changelog that a package brings; some have only a link to that of another package.
keep() {
  mkdir "$work/tree"
  dpkg-deb --fsys-tarfile "$work/$2"_*.deb | tar -x -C "$work/tree" ./usr/share/doc || return 1
  for name in changelog.Debian.gz changelog.gz; do
    if test -f "$work/tree/usr/share/doc/$2/$name"; then
      cp "$work/tree/usr/share/doc/$2/$name" "$output/$1.gz"
      return
    fi
  done
}

# Each round tries one package of every source that has no changelog yet.
while test -s "$work/open"; do
  sort -u -k1,1 "$work/open" >"$work/round"
  comm -23 "$work/open" "$work/round" >"$work/rest"
  cut -d' ' -f2 "$work/round" | sort | comm -12 - "$work/known" >"$work/names"
  (cd "$work" && xargs -r apt-get -qq -o APT::Sandbox::User=root download <names) ||
    echo "some packages could not be had" >&2
  while read -r source package; do
    if ls "$work/$package"_*.deb >/dev/null 2>&1; then
      keep "$source" "$package" || echo "$package cannot be read" >&2
      rm -rf "$work/tree" "$work/$package"_*.deb
    fi
    test ! -f "$output/$source.gz" || echo "$source" >>"$work/done"
  done <"$work/round"
  awk 'NR == FNR { done[$1]; next } !($1 in done)' "$work/done" "$work/rest" >"$work/open"
done
sort -u "$work/done" | comm -13 - "$work/sources" >"$output/missing"

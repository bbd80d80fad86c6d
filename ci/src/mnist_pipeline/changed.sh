# Leaves the paths that differ from a commit, each with a NUL behind it, so that no name is quoted. Of a file that was
# moved both are told: whatever looked at the old one has lost it. What git ignores is left out.
# Arguments: a commit, a branch or a tag; the file to write. Ends with 128 where the history has none such.
set -eu
git rev-parse --quiet --verify "$1^{commit}" >/dev/null || exit 128
git read-tree --empty
git add --all
git diff --cached --no-renames --name-only -z "$1" >"$2"

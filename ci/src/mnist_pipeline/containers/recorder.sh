# Runs a command and keeps its log, exit code and times in a folder.
# Arguments: folder, name, limit in seconds, first exit code that is no answer, command.
folder=$1 name=$2 limit=$3 unsettled=$4
shift 4
started=$(date +%s.%N)
{
  timeout --kill-after=10 "$limit" "$@"
  echo "$?" >"$folder/$name.exit"
} 2>&1 | tee "$folder/$name.log"
code=$(cat "$folder/$name.exit")
rm "$folder/$name.exit"
printf '{"exit_code": %d, "started": %s, "finished": %s}\n' \
  "$code" "$started" "$(date +%s.%N)" >"$folder/$name.record.json"
[ "$code" -lt "$unsettled" ] && exit 0
[ "$code" -ne 124 ] || echo "$name was given up, at the latest after $limit s"
exit 75

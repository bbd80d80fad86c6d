# Runs a command and keeps its log, exit code and times in a folder.
# Arguments: folder, name, limit in seconds, first exit code that is no answer, when, command.
# It ends well however the command ended, so that the engine keeps the folder; once one has not
# answered, only those are run whose "when" is "always". Short of memory, the kernel ends what the
# command started and not this shell; what outlives the command is not waited for long.
folder=$1 name=$2 limit=$3 unsettled=$4 when=$5
shift 5
[ "$when" = always ] || [ ! -e "$folder/unanswered" ] || exit 0
started=$(date +%s.%N)
mkfifo "$folder/$name.pipe"
tee "$folder/$name.log" <"$folder/$name.pipe" &
log=$!
# shellcheck disable=SC2016
first='{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"'
timeout --kill-after=10 "$limit" sh -c "$first" "" "$@" >"$folder/$name.pipe" 2>&1
code=$?
finished=$(date +%s.%N)
tries=0
while kill -0 "$log" 2>/dev/null && [ "$tries" -lt 40 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
kill "$log" 2>/dev/null
rm "$folder/$name.pipe"
[ "$code" -lt "$unsettled" ] || echo "$name" >"$folder/unanswered"
printf '{"exit_code": %d, "started": %s, "finished": %s}\n' \
  "$code" "$started" "$finished" >"$folder/$name.record.json"

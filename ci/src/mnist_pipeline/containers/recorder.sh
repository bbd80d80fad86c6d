# Runs a command and keeps its log, exit code and times in a folder.
# Arguments: folder, name, limit in seconds, first exit code that is no answer, when, command.
# It ends well however the command ended, so that the engine keeps the folder; once one has not
# answered, only those are run whose "when" is "always". Short of memory, the kernel ends what the
# command started and not this shell. The log is written by the command itself and only shown
# beside it, so nothing of it waits for whoever reads that, and nothing that outlives the command is waited for.
folder=$1 name=$2 limit=$3 unsettled=$4 when=$5
shift 5
[ "$when" = always ] || [ ! -e "$folder/unanswered" ] || exit 0
started=$(date +%s.%N)
log=$folder/$name.log
: >"$log"
tail -n +1 -f "$log" &
shown=$!
# shellcheck disable=SC2016
first='{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"'
timeout --kill-after=10 "$limit" sh -c "$first" "" "$@" >>"$log" 2>&1
code=$?
finished=$(date +%s.%N)
sleep 0.1 # for the last words to be shown, too
kill "$shown" 2>/dev/null
[ "$code" -lt "$unsettled" ] || echo "$name" >"$folder/unanswered"
printf '{"exit_code": %d, "started": %s, "finished": %s}\n' \
  "$code" "$started" "$finished" >"$folder/$name.record.json"

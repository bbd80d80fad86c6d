# Runs a service, writes what it prints into a folder, and leaves a mark there when it ends.
# It prints the first lines only: each line printed costs the engine more than answering a request.
# The folder is opened by readiness.py, a moment after the services begin.
# Arguments: folder, name, command.
folder=$1 name=$2
shift 2
tries=0
until [ -w "$folder" ] || [ "$tries" -ge 100 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
rm -f "$folder/$name.exit"
pipe=$(mktemp -u)
mkfifo "$pipe"
tee -p "$folder/$name.log" <"$pipe" | sed -u 100q &
"$@" >"$pipe" 2>&1 &
child=$!
trap 'kill -TERM "$child"' TERM INT
wait "$child"
code=$?
echo "$code" >"$folder/$name.exit"
exit "$code"

# shellcheck shell=bash
# Runs a service for as long as its switch is on; turned off, it is killed at once, as by a power cut.
# The switch is asked of a server that answers GET /switch/NAME with "on" or "off". Needs bash.
# Arguments: host, port, name, command.
host=$1 port=$2 name=$3
shift 3
child=
switch() {
  last=
  exec 3<>"/dev/tcp/$host/$port" || return
  printf 'GET /switch/%s HTTP/1.0\r\n\r\n' "$name" >&3
  while IFS= read -r line <&3; do last=$line; done
  exec 3>&-
}
trap '[ -z "$child" ] || kill -TERM "$child"; exit 0' TERM INT
while true; do
  switch 2>/dev/null
  if [ "$last" = on ]; then
    if [ -z "$child" ] || ! kill -0 "$child" 2>/dev/null; then
      "$@" &
      child=$!
    fi
  elif [ "$last" = off ] && [ -n "$child" ]; then
    kill -KILL "$child" 2>/dev/null
    wait "$child"
    child=
  fi
  sleep 0.2
done

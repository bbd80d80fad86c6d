# Makes the database mnist in /data where there is none yet, then serves it. The password is a file; nobody is trusted without it.
set -e
bin=/opt/postgresql data=/data/cluster
if [ ! -s "$data/ready" ]; then
  rm -rf "$data"
  "$bin/initdb" -D "$data" --username=mnist --pwfile=/run/secrets/database_password \
    --auth=scram-sha-256 --locale=C.UTF-8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  PGPASSWORD=$(cat /run/secrets/database_password)
  export PGPASSWORD
  "$bin/pg_ctl" -D "$data" -o "-c listen_addresses= -c unix_socket_directories=/tmp" -w start >/dev/null
  "$bin/createdb" --host=/tmp --username=mnist mnist
  "$bin/pg_ctl" -D "$data" -m fast -w stop >/dev/null
  echo yes >"$data/ready"
  unset PGPASSWORD
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp

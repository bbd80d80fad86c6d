#!/bin/sh
# Deploys:  scripts/deploy.sh dev|staging|production [--force REASON] [OPTION OF `dagger call deploy` ...]
# dev runs here, with Docker. The others are hosts: STAGING_HOST or PRODUCTION_HOST is user@host, DEPLOY_KEY the file of
# the SSH key (~/.ssh/id_ed25519), KNOWN_HOSTS the file with the host's key (~/.ssh/known_hosts).
set -eu
cd "$(dirname "$0")/.."
environment=${1:-}
case $environment in
dev)
  folder=deploy/compose/secrets
  if [ ! -d "$folder" ]; then
    mkdir -m 700 "$folder.new"
    password=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')
    printf %s "$password" >"$folder.new/database_password"
    printf %s "postgresql://mnist:$password@postgresql/mnist" >"$folder.new/mnist_database_url"
    for name in gate mnist_api; do
      PYTHONPATH=apps/backend/src python3 -m mnist_backend.keys make --file "$folder.new/keys.json" \
        --name "$name" --scopes predict,feedback >"$folder.new/${name}_key"
    done
    chmod 444 "$folder.new"/*
    mv "$folder.new" "$folder"
  fi
  exec docker compose --env-file deploy/compose/dev.env -f deploy/compose/compose.yaml \
    -f deploy/compose/compose.dev.yaml up --build --detach --wait
  ;;
staging) host=${STAGING_HOST:?user@host of staging} ;;
production) host=${PRODUCTION_HOST:?user@host of production} ;;
*)
  sed -n '2,4s/^# //p' scripts/deploy.sh >&2
  exit 2
  ;;
esac
shift
exec ./daggerw call deploy --env "$environment" --host "$host" \
  --ssh-key "file://${DEPLOY_KEY:-$HOME/.ssh/id_ed25519}" --known-hosts "${KNOWN_HOSTS:-$HOME/.ssh/known_hosts}" "$@"

#!/bin/sh
# What the pipeline is measured beside: six of its stages as a script over docker build and compose, one after another.
# It runs the same tests and tools over the same files, with the same database of vulnerabilities, ends at the first that
# fails, and leaves the seconds of each stage as JSON in the file that its argument names. It keeps no report but the
# scanner's.
set -eu
exec 3>"$1" # seen from where the script is called, and anew each time
separator='{'
cd "$(dirname "$0")/../../.."

compose() { docker compose --progress quiet --file tests/load/script/compose.yaml --profile tools "$@"; }
run() { compose run --rm --no-deps -T "$@"; }
shells() { grep -r "$1" --extended-regexp --include='*.sh' --exclude-dir=.git '^(#!.*sh$|# shellcheck shell=)' .; }

lint() {
    run checks ruff check --no-cache .
    run checks ruff format --no-cache --check .
    # No name of a file has a space in it, and options are separate words.
    # shellcheck disable=SC2046
    run analysers hadolint --config ci/analysers/hadolint.yaml $(find . -name Dockerfile)
    # shellcheck disable=SC2046
    run programs shellcheck --norc .ci/run $(shells --files-with-matches)
    # shellcheck disable=SC2046
    run programs shellcheck --norc --shell=sh $(shells --files-without-match)
    run programs actionlint .github/workflows/*.yml
    run analysers zizmor --offline --no-progress --config=ci/analysers/zizmor.yaml .github/workflows/*.yml
}

types() {
    run backend-test mypy
    run frontend-test mypy
    run --workdir /src/deploy checks mypy
    run watching mypy
    run pipeline mypy
    run newest mypy
}

unit() {
    run backend-test pytest --cov --cov-branch -n "$(($(nproc) + 1))" --dist worksteal '--ignore-glob=tests/test_training_*.py'
    run backend-test sh -c 'pytest --cov=mnist_backend.training --cov-branch tests/test_training_*.py'
    run frontend-test pytest --cov --cov-branch
    run checks pytest -p no:cacheprovider --cov --cov-branch -m 'not host' toolchain
    run checks pytest -p no:cacheprovider tests/load
    run checks pytest -p no:cacheprovider --cov --cov-branch ci/tests
    run checks pytest -p no:cacheprovider tests/test_layout.py tests/test_workflows.py
}

database() {
    for name in backend frontend; do
        installed=$(docker run --rm --entrypoint cat script/$name /var/lib/dpkg/status) # in a pipe it would fail unseen
        printf '%s\n' "$installed" | run changelogs sh -c "mkdir -p /reports/installed/$name && cat >/reports/installed/$name/status"
    done
    run changelogs sh /src/ci/src/mnist_pipeline/changelogs.sh /reports/installed /reports/changelogs
    run --env PYTHONPATH=ci/src checks python tests/load/script/facts.py /reports/changelogs ci/advisories/python.toml /reports/facts.json
    run programs advisories /reports/facts.json /cache/db
}

scan() {
    database
    options='--scanners=secret,misconfig,license,vuln --format=json --offline-scan --skip-check-update --skip-db-update --quiet --config=/src/ci/trivy.yaml'
    for name in backend frontend; do
        # shellcheck disable=SC2086
        run trivy image $options --image-config-scanners=misconfig,secret --output=/reports/$name.json script/$name
    done
    # shellcheck disable=SC2086
    run trivy fs $options '--file-patterns=pip:requirements[^/]*\.lock' --secret-config=/src/ci/trivy-secret.yaml --output=/reports/source.json /src
    for name in backend frontend source; do
        for format in sarif cyclonedx spdx-json; do
            run trivy convert --quiet --format=$format --output=/reports/$name.$format /reports/$name.json
        done
    done
}

accessibility() { run browser pytest a11y; }
end_to_end() { run browser pytest e2e; }
build() { compose build --quiet; }
stack() { docker compose --progress quiet --file tests/load/script/compose.yaml up --wait --wait-timeout 120; }

for stage in build lint types unit scan stack accessibility end_to_end; do
    echo "-- $stage" >&2
    since=$(date +%s%N)
    "$stage"
    took=$((($(date +%s%N) - since) / 1000000))
    printf '%s"%s": %d.%03d' "$separator" "$stage" $((took / 1000)) $((took % 1000)) >&3
    separator=', '
done
compose down --timeout 1
echo '}' >&3

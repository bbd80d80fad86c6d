#!/bin/sh
# What the pipeline is measured beside: its stages as a script over docker build and compose, one after another.
# Where TOGETHER is set it is a better sort of script: images are built at once, several tests run at a time.
# It runs the same tests and tools over the same files, with the same database of vulnerabilities, ends at the first that
# fails, and leaves the seconds of each stage as JSON in the file that its argument names. It keeps no report but the
# scanner's. Advisories of an index are not asked for, for not every one tells of them.
set -eu
exec 3>"$1" # seen from where the script is called, and anew each time
separator='{'
TOGETHER=${TOGETHER:-}
cd "$(dirname "$0")/../../.."
images='backend backend-torch frontend prometheus alertmanager probe edge postgresql deployer postgres-exporter node-exporter process-exporter'
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT

stack() { # of a name, and what compose is to do with it
    file=tests/load/script/$1.yaml
    shift
    ARCHIVES=$archives docker compose --progress quiet --file "$file" --profile tools "$@"
}
compose() { stack compose "$@"; }
run() { compose run --rm --no-deps -T "$@"; }
judge() { run --workdir /src --env PYTHONPATH=ci/src pipeline python tests/load/script/judge.py "$@"; }
shells() { grep -r "$1" --extended-regexp --include='*.sh' --exclude-dir=.git '^(#!.*sh$|# shellcheck shell=)' .; }
code() { find . -not -path './ci/analysers/*' "$@"; }

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
    # Options are separate words.
    # shellcheck disable=SC2046
    run backend-test pytest --cov --cov-branch $([ -z "$TOGETHER" ] || echo "-n $(($(nproc) + 1)) --dist worksteal") '--ignore-glob=tests/test_training_*.py'
    run backend-test sh -c 'pytest --cov=mnist_backend.training --cov-branch tests/test_training_*.py'
    run frontend-test pytest --cov --cov-branch
    run checks pytest -p no:cacheprovider --cov --cov-branch -m 'not host' toolchain
    run checks pytest -p no:cacheprovider tests/load
    run checks pytest -p no:cacheprovider --cov --cov-branch ci/tests
    run checks pytest -p no:cacheprovider tests/test_layout.py tests/test_workflows.py
}

dependencies() {
    for project in apps/backend apps/frontend ci deploy; do
        run --workdir "/src/$project" analysers deptry src
    done
}

sast() {
    quiet='--metrics=off --disable-version-check'
    # shellcheck disable=SC2046
    run analysers bandit --quiet --configfile=ci/analysers/bandit.yaml $(code -name '*.py' -not -path '*/tests/*')
    # Files that are named are looked at even where its own settings would pass over tests.
    # shellcheck disable=SC2046,SC2086
    run analysers semgrep scan --config ci/analysers/semgrep/rules.yaml $quiet --no-git-ignore --error $(code '(' -name '*.py' -o -name '*.js' ')')
    # shellcheck disable=SC2086
    run analysers semgrep scan --test $quiet --config ci/analysers/semgrep/ ci/analysers/semgrep/
}

secrets() {
    for where in dir git; do
        run programs gitleaks "$where" --config=ci/analysers/gitleaks.toml --redact --no-banner .
    done
}

image_structure() {
    for name in $images; do
        docker save --output "$archives/$name.tar" "$(docker image inspect --format '{{.Id}}' "script/$name")"
        run --volume "$archives:/archives:ro" pipeline sh -c "mkdir -p /reports/images && python src/mnist_pipeline/layers.py /archives/$name.tar >/reports/images/$name.json"
    done
    judge structure /reports/images
}

model() {
    run trained sh -c 'mkdir -p /kept/model && cp /models/sha256/*/card.json /reports/model-card.* /kept/model'
    judge model /reports/model
    for name in backend backend-torch; do
        docker run --rm "script/$name" python -m mnist_backend check
    done
}

database() {
    for name in backend frontend; do
        installed=$(docker run --rm --entrypoint cat script/$name /var/lib/dpkg/status) # in a pipe it would fail unseen
        printf '%s\n' "$installed" | run changelogs sh -c "mkdir -p /reports/installed/$name && cat >/reports/installed/$name/status"
    done
    run changelogs sh /src/ci/src/mnist_pipeline/changelogs.sh /reports/installed /reports/changelogs
    judge facts /reports/changelogs ci/advisories/python.toml /reports/facts.json
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
end_to_end() {
    run browser pytest e2e
    compose down --timeout 1
}

contract() {
    stack contract run --rm keys
    stack contract run --rm -T tests
    stack contract down --volumes --timeout 1
}

programs() { # of the images that watch, beside what tests their configuration
    for pair in prometheus=promtool alertmanager=amtool; do
        docker run --rm --user 0 --volume script_reports:/kept --entrypoint cp "script/${pair%=*}" "/usr/bin/${pair#*=}" /kept
    done
}

monitoring() {
    programs
    # The shell of the container knows these names.
    # shellcheck disable=SC2016
    run watching sh -ec '
        export PATH=/reports:$PATH
        cp -r monitoring/prometheus /tmp/prometheus && cp -r monitoring/rules monitoring/tests /tmp/prometheus
        for name in dev staging production; do promtool check config "/tmp/prometheus/$name.yml"; done
        promtool check rules /tmp/prometheus/rules/*.yml
        promtool test rules /tmp/prometheus/tests/*_test.yml
        amtool check-config monitoring/alertmanager.yml
        pytest -p no:cacheprovider monitoring/tests
        python -m monitoring mutate'
}

observability() {
    run watching sh -ec '
        rm -rf /reports/compressed && python -m monitoring compress 60 /reports/compressed
        cp -r monitoring/templates /reports/compressed && cp tests/observability/prometheus.yml /reports/compressed/dev.yml'
    judge textfiles /reports/textfiles
    stack observability run --rm -T tests
    stack observability down --volumes --timeout 1
}

deployment() {
    run deploying pytest -p no:cacheprovider deploy/tests
    judge migrations apps/backend/src/mnist_backend/migrations/versions
    mkdir "$archives/release"
    for name in backend frontend edge postgresql deployer; do
        ln "$archives/$name.tar" "$archives/release"
    done
    docker run --rm --volume "$archives:/kept" script/programs cp /usr/local/bin/vegeta /kept
    run watching sh -c 'rm -rf /reports/deployment /reports/releases && mkdir /reports/deployment'
    stack deployment run --rm --no-deps keys
    stack deployment run --rm -T operator
    judge rehearsal /reports/deployment/rehearsal.json
    stack deployment down --timeout 1
}

build() {
    if [ -n "$TOGETHER" ]; then
        compose build --quiet
        return
    fi
    services=$(compose config --services) # in a list it would fail unseen
    for each in $services; do
        compose build --quiet "$each"
    done
}
service() { docker compose --progress quiet --file tests/load/script/compose.yaml up --wait --wait-timeout 120; }

for stage in build lint types unit dependencies sast secrets image_structure model scan service accessibility end_to_end \
    contract monitoring observability deployment; do
    echo "-- $stage" >&2
    since=$(date +%s%N)
    "$stage"
    took=$((($(date +%s%N) - since) / 1000000))
    printf '%s"%s": %d.%03d' "$separator" "$stage" $((took / 1000)) $((took % 1000)) >&3
    separator=', '
done
echo '}' >&3

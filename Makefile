# Verbs, one line each; what they do is said by `./daggerw functions` and `python3 -m toolchain --help`.
.PHONY: build up down logs train test faults bench bench-serving bench-page bench-deploy dev deploy-staging deploy-production rehearse status clean

build: ; ./daggerw call image --name backend sync && ./daggerw call image --name frontend sync && ./daggerw call image --name prometheus sync
up: ; ./daggerw call up up
down: ; python3 -m toolchain stop
logs: ; python3 -m toolchain logs
train: ; ./daggerw call train export --path evidence/training
test: .venv ; .venv/bin/pytest toolchain ci/tests tests/test_layout.py tests/test_workflows.py && ./daggerw call test && .venv/bin/pytest tests/faults -m "not rehearsed"
faults: .venv ; .venv/bin/pytest tests/faults tests/jobs
bench: ; python3 scripts/bench.py && python3 scripts/bench.py --beside
bench-serving: ; ./daggerw call bench-serving export --path evidence/serving && cat evidence/serving/serving.md
bench-page: ; ./daggerw call bench-page export --path evidence/page && cat evidence/page/page.md
bench-deploy: ; ./daggerw call bench-deploy export --path evidence/deploy && cat evidence/deploy/deploy.md
dev: ; scripts/deploy.sh dev
deploy-staging: ; scripts/deploy.sh staging
deploy-production: ; scripts/deploy.sh production
rehearse: ; ./daggerw call rehearse --env production
status: ; python3 -m toolchain status
clean: ; python3 -m toolchain purge && rm -rf .venv evidence

.venv: requirements.lock ; python3 -m venv .venv && .venv/bin/pip install --quiet --no-deps --require-hashes --requirement requirements.lock && touch .venv || { rm -rf .venv; exit 1; }

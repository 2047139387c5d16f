# Long or optional jobs, by name. What must hold before a change lands is in .ci/run.
UV := .uv/bin/uv run -q --frozen --extra rehearsal
# Which clusters the conformance suite asks; the suite itself asks the embedded one already.
CLUSTERS ?= embedded,real

.PHONY: snapshots torture ways-back test-cluster real-migration site

site: .uv/bin/uv  ## the documentation as a site in docs/_build
	$(UV) --group site sphinx-build -q -W -b html docs docs/_build

snapshots: .uv/bin/uv  ## every screen and dialog written anew as it is now; read the diff
	$(UV) python -m tests.app.snapshots.write

torture: .uv/bin/uv  ## kill -9 at every named point and at 100 random moments; goes on where it was (half an hour)
	$(UV) python -m tests.flight.torture

ways-back: .uv/bin/uv  ## back from every step, from every fault, by every way and choice (an hour and more)
	$(UV) pytest -q -p no:cacheprovider -m 'matrix or not matrix' --timeout 900 \
		tests/flight/test_ways_back.py tests/flight/test_rollback.py tests/flight/test_choices_back.py \
		tests/flight/test_found_again.py

test-cluster: .uv/bin/uv  ## the embedded cluster and helm against real ones; compiles them first (Go; half an hour, once)
	$(UV) python -m tests.cluster.build
	CONFORMANCE_CLUSTERS=$(CLUSTERS) $(UV) pytest -q -p no:cacheprovider --timeout 600 -o addopts=-ra -n 2 --dist loadfile tests/conformance tests/cluster

real-migration: .uv/bin/uv  ## the migration by Airflow itself, FROM=2.10.5 TO=3.2.2, OPTIONS=--unknown, up to the verified schema (minutes)
	$(UV) python -m scripts.fly_migration --from $(or $(FROM),2.11.2) --to $(or $(TO),3.2.2) $(OPTIONS)

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install -q uv

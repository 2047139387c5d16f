# Long or optional jobs, by name. What must hold before a change lands is in .ci/run.
UV := .uv/bin/uv run -q --frozen --extra rehearsal

.PHONY: torture

torture: .uv/bin/uv  ## kill -9 at every named point and at 100 random moments; goes on where it was (half an hour)
	$(UV) python -m tests.flight.torture

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install -q uv

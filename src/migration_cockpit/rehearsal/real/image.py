"""What the image `apache/airflow:<version>` contains in the rehearsal's cluster: the real Airflow.

An image is a directory whose `bin/` the kubelet puts on a container's PATH. Here it holds small shell wrappers that
start the cached environment's programs (`environment.ensure` must have been called before). The wrappers set
*defaults*, as an image's ENV lines do: what the pod's own environment says always wins.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from migration_cockpit.rehearsal.real.environment import EnvironmentInstallError, environment_path, is_installed

if TYPE_CHECKING:
    from pathlib import Path

FAB: Final = "airflow.providers.fab.auth_manager"

# Two cores and 24 GB are what a rehearsal may count on: LocalExecutor's 32 idle workers alone would take 4 GB.
_SMALL: Final = {
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__AUTH_MANAGER": f"{FAB}.fab_auth_manager.FabAuthManager",
    # Nothing leaves loopback in a rehearsal, Airflow's own usage statistics included.
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "PYTHONUNBUFFERED": "1",
}
_SMALL_2: Final = {
    "AIRFLOW__WEBSERVER__WORKERS": "1",
    "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
    # The REST API of 2.x answers to a name and password only where somebody allowed it, as most deployments have.
    "AIRFLOW__API__AUTH_BACKENDS": f"{FAB}.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
}
_SMALL_3: Final = {
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
}
# Heartbeats and file scans every second or few, so that a rehearsal does not wait for a clock. The thresholds by which
# Airflow calls a job unhealthy stay as they are: a busy machine is late, not ill.
_FAST: Final = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
}
_FAST_2: Final = {
    "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "10",
}
_FAST_3: Final = {
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
}

_AIRFLOW: Final = """\
#!/bin/sh
# The image apache/airflow:{version}, emulated: defaults first, the pod's environment wins.
{defaults}
# Pods of one machine share its loopback: a server takes the port the kubelet found for it, and the log servers of
# scheduler, triggerer and workers, which would all want the same one, are left out (the logs volume is shared).
if [ -n "${{REHEARSAL_DIR:-}}" ]; then
  export AIRFLOW__LOGGING__BASE_LOG_FOLDER="${{AIRFLOW__LOGGING__BASE_LOG_FOLDER:-$REHEARSAL_DIR/airflow-logs}}"
  export AIRFLOW_HOME="${{AIRFLOW_HOME:-$REHEARSAL_DIR/pods/${{POD_NAME:-none}}/airflow}}"
  mkdir -p "$AIRFLOW_HOME"
fi
case "${{1:-}}" in
  webserver) [ -n "${{PORT:-}}" ] && set -- "$@" --port "$PORT" --hostname 127.0.0.1 ;;
  api-server) [ -n "${{PORT:-}}" ] && set -- "$@" --port "$PORT" --host 127.0.0.1 ;;
  scheduler | triggerer) set -- "$@" --skip-serve-logs ;;
esac
exec {program} "$@"
"""
_PLAIN: Final = '#!/bin/sh\nexec {program} "$@"\n'


def image_environment(version: str, *, fast: bool = True) -> dict[str, str]:
    """The environment variables that the image sets unless the pod does; `fast` adds short heartbeats and scans."""
    old = version.startswith("2.")
    result = {**_SMALL, **(_SMALL_2 if old else _SMALL_3)}
    if fast:
        result |= {**_FAST, **(_FAST_2 if old else _FAST_3)}
    return result


def install_image(directory: Path, version: str, *, fast: bool = True) -> Path:
    """Put the image of an Airflow version into a world: `<directory>/images/apache-airflow-<version>/`.

    Returns the image's directory; `bin/airflow` and `bin/python` are in it.

    Raises:
        EnvironmentInstallError: the environment is not installed yet.
    """
    if not is_installed(version):
        raise EnvironmentInstallError(f"Airflow {version} is not installed: call ensure({version!r}) first")
    programs = environment_path(version) / "bin"
    image = directory / "images" / f"apache-airflow-{version}"
    variables = image_environment(version, fast=fast)
    defaults = "\n".join(f'export {name}="${{{name}:-{value}}}"' for name, value in variables.items())
    airflow = _AIRFLOW.format(version=version, defaults=defaults, program=shlex.quote(str(programs / "airflow")))
    _write_program(image / "bin" / "airflow", airflow)
    for name in ("python", "python3"):
        _write_program(image / "bin" / name, _PLAIN.format(program=shlex.quote(str(programs / "python"))))
    return image


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)

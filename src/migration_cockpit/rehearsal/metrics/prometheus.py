"""Prometheus' HTTP API over the store: what goes in as parameters and comes out as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web

from migration_cockpit.rehearsal.metrics.evaluate import NAME, Evaluator, ExecutionError, Point, Value, Window
from migration_cockpit.rehearsal.metrics.promql import Node, ParseError, Selector, parse, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration_cockpit.rehearsal.metrics.tsdb import Store

MOST_POINTS = 11_000
VERSION = "2.53.0"

Parameters = Mapping[str, str]


class BadRequestError(Exception):
    """A parameter is wrong or missing; Prometheus answers 400 with errorType bad_data."""


class Prometheus:
    """Answers requests below ``/``; ``clock`` gives now in Unix seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer one request for ``path`` (``api/v1/query``, ``-/healthy``, ...)."""
        if path in ("-/healthy", "-/ready"):
            return web.Response(text=f"Prometheus Server is {'Healthy' if path == '-/healthy' else 'Ready'}.\n")
        parameters: dict[str, str] = dict(request.query)
        matches = request.query.getall("match[]", [])
        if request.method == "POST":
            form = await request.post()
            parameters |= {name: str(value) for name, value in form.items()}
            matches += [str(value) for value in form.getall("match[]", [])]
        try:
            data = self._data(path, parameters, matches)
        except BadRequestError as error:
            return _error(400, "bad_data", str(error))
        except ExecutionError as error:
            return _error(422, "execution", str(error))
        if data is None:
            return web.Response(status=404, text="404 page not found\n")
        return web.Response(text=json.dumps({"status": "success", "data": data}), content_type="application/json")

    def _data(self, path: str, parameters: Parameters, matches: list[str]) -> Any:
        if path == "api/v1/query":
            return self._query(parameters)
        if path == "api/v1/query_range":
            return self._query_range(parameters)
        if path == "api/v1/series":
            return self._series(parameters, matches)
        if path == "api/v1/labels":
            return sorted({name for labels in self._labels(parameters, matches) for name in labels})
        if path.startswith("api/v1/label/") and path.endswith("/values"):
            name = path.removeprefix("api/v1/label/").removesuffix("/values")
            return sorted({labels[name] for labels in self._labels(parameters, matches) if name in labels})
        if path == "api/v1/status/buildinfo":
            return {
                "version": VERSION,
                "revision": "",
                "branch": "HEAD",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            }
        return None

    def _query(self, parameters: Parameters) -> Any:
        node = _parsed("query", parameters)
        moment = self._moment("time", parameters, self._clock())
        value = Evaluator(self._store).at(node, moment)
        return _instant(value, moment)

    def _query_range(self, parameters: Parameters) -> Any:
        start, end = self._moment("start", parameters), self._moment("end", parameters)
        if end < start:
            raise BadRequestError('invalid parameter "end": end timestamp must not be before start time')
        step = _seconds("step", parameters)
        if step <= 0:
            raise BadRequestError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        if (end - start) / step > MOST_POINTS:
            raise BadRequestError(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        node = _parsed("query", parameters)
        if node.kind == "range":
            raise BadRequestError(
                'invalid parameter "query": invalid expression type "range vector" for range query, '
                "must be Scalar or instant Vector"
            )
        return {"resultType": "matrix", "result": self._matrix(node, start, end, step)}

    def _matrix(self, node: Node, start: float, end: float, step: float) -> list[dict[str, Any]]:
        evaluator = Evaluator(self._store)
        rows: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
        for number in range(math.floor((end - start) / step + 1e-9) + 1):
            moment = start + number * step
            value = evaluator.at(node, moment)
            points = value if isinstance(value, list) else [Point({}, value)]
            for point in points:
                if isinstance(point, Point):
                    key = tuple(sorted(point.labels.items()))
                    rows.setdefault(key, []).append([round(moment, 3), number_text(point.value)])
        return [{"metric": dict(key), "values": values} for key, values in sorted(rows.items())]

    # -- what is there

    def _series(self, parameters: Parameters, matches: list[str]) -> list[dict[str, str]]:
        if not matches:
            raise BadRequestError("no match[] parameter provided")
        return self._labels(parameters, matches)

    def _labels(self, parameters: Parameters, matches: list[str]) -> list[dict[str, str]]:
        begin = self._moment("start", parameters, 0.0)
        end = self._moment("end", parameters, self._clock())
        if not matches:
            chosen = self._store.named(None)
        else:
            selectors = [_parsed("match[]", {"match[]": text}) for text in matches]
            if not all(isinstance(selector, Selector) for selector in selectors):
                raise BadRequestError('invalid parameter "match[]": a series selector is expected')
            evaluator = Evaluator(self._store)
            found = {
                series.labels: series
                for selector in selectors
                if isinstance(selector, Selector)
                for series, _ in evaluator.matching(selector)
            }
            chosen = list(found.values())
        return [dict(series.labels) for series in chosen if self._store.samples(series, begin, end)]

    # -- parameters

    def _moment(self, name: str, parameters: Parameters, default: float | None = None) -> float:
        text = parameters.get(name)
        if not text:
            if default is None:
                raise BadRequestError(f'invalid parameter "{name}": cannot parse "" to a valid timestamp')
            return default
        try:
            return float(text)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise BadRequestError(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _parsed(name: str, parameters: Parameters) -> Node:
    try:
        return parse(parameters.get(name, ""))
    except ParseError as error:
        raise BadRequestError(f'invalid parameter "{name}": {error}') from None


def _seconds(name: str, parameters: Parameters) -> float:
    text = parameters.get(name, "")
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_duration(text)
    except ValueError:
        raise BadRequestError(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration') from None


def _instant(value: Value, moment: float) -> dict[str, Any]:
    now = round(moment, 3)
    if not isinstance(value, list):
        return {"resultType": "scalar", "result": [now, number_text(value)]}
    windows = [window for window in value if isinstance(window, Window)]
    if windows:
        result = [
            {"metric": window.labels, "values": [[round(t, 3), number_text(v)] for t, v in window.samples]}
            for window in windows
        ]
        return {"resultType": "matrix", "result": result}
    points = [point for point in value if isinstance(point, Point)]
    return {
        "resultType": "vector",
        "result": [{"metric": point.labels, "value": [now, number_text(point.value)]} for point in points],
    }


def number_text(value: float) -> str:
    """Write a number as Prometheus does: as many digits as it needs, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def _error(status: int, kind: str, words: str) -> web.Response:
    body = {"status": "error", "errorType": kind, "error": words}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


__all__ = ["NAME", "Prometheus", "number_text"]

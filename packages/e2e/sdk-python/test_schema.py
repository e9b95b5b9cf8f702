"""schemathesis reads our OpenAPI document and asks what it allows, and what it does not.

DYN_TEST_EXAMPLES bounds the requests of each operation and mode, DYN_TEST_SECONDS their time; `--hypothesis-seed` repeats
a run."""

import os
import time

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

URL = os.environ["DYN_TEST_URL"]
EXAMPLES = int(os.environ.get("DYN_TEST_EXAMPLES", "25"))
SECONDS = float(os.environ.get("DYN_TEST_SECONDS", "10"))
BOUNDS = settings(
    max_examples=EXAMPLES,
    # Those kept by an earlier run would make this one another.
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


def schema_of(mode):
    generation = GenerationConfig(modes=[mode])
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return schemathesis.openapi.from_url(f"{URL}/openapi.json", config=config)


positive = schema_of(GenerationMode.POSITIVE)
negative = schema_of(GenerationMode.NEGATIVE)
begun = {}


def no_fault_of_the_server(context, response, case):
    """A 501 that names a field is a refusal, not a fault."""
    if response.status_code == 501 and '"code":"unsupported_value"' in response.text:
        return None
    return not_a_server_error(context, response, case)


CHECKS = [
    no_fault_of_the_server,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def ask(mode, case):
    """An operation whose time is over is asked no more."""
    since = begun.setdefault((mode, case.operation.label), time.monotonic())
    if time.monotonic() - since < SECONDS:
        case.call_and_validate(checks=CHECKS, timeout=60)


@positive.parametrize()
@BOUNDS
def test_what_the_document_allows(case):
    ask("allows", case)


@negative.parametrize()
@BOUNDS
def test_what_the_document_forbids(case):
    ask("forbids", case)

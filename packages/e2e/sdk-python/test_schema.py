"""schemathesis reads our OpenAPI document and asks what it allows, and what it does not."""

import os

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
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def schema_of(mode):
    generation = GenerationConfig(modes=[mode])
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return schemathesis.openapi.from_url(f"{URL}/openapi.json", config=config)


positive = schema_of(GenerationMode.POSITIVE)
negative = schema_of(GenerationMode.NEGATIVE)



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


@positive.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=QUIET, deadline=None)
def test_what_the_document_allows(case):
    case.call_and_validate(checks=CHECKS, timeout=60)


@negative.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=QUIET, deadline=None)
def test_what_the_document_forbids(case):
    case.call_and_validate(checks=CHECKS, timeout=60)

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from nexus.api.server import create_api
from tests.api.serving import Office


@pytest.fixture
def document(office: Office) -> dict[str, Any]:
    return create_api(office.open_services, office.settings).openapi()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def test_the_document_is_valid_openapi(document: dict[str, Any]):
    validate(document)


def test_every_route_has_a_summary_a_description_and_a_name_of_its_own(document: dict[str, Any]):
    found = operations(document)
    assert all(operation["summary"] and operation["description"] for operation in found)
    assert len({operation["operationId"] for operation in found}) == len(found)


def test_every_error_is_a_problem_with_an_example_of_its_status(document: dict[str, Any]):
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                shown = response["content"].pop("application/problem+json")
                assert response["content"] == {}
                assert shown["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert shown["example"]["status"] == int(status)


def test_every_change_documents_what_the_guard_refuses(document: dict[str, Any]):
    for item in document["paths"].values():
        for method, operation in item.items():
            expected = {"421", "500"} | ({"400", "403", "408", "413", "415"} if method == "post" else set())
            assert expected <= set(operation["responses"])


def test_every_body_and_every_answer_has_an_example(document: dict[str, Any]):
    schemas = document["components"]["schemas"]
    bodies = [
        content
        for op in operations(document)
        if "requestBody" in op
        for content in op["requestBody"]["content"].values()
    ]
    assert len(bodies) >= 5
    for content in bodies:
        assert "examples" in content or _examples(content["schema"], schemas)
    for operation in operations(document):
        status, response = next(each for each in operation["responses"].items() if each[0] < "3")
        if status == "204":
            continue
        for content in response["content"].values():
            assert (
                "example" in content
                or _examples(content["schema"], schemas)
                or operation["operationId"] == "ok"
            )


def _examples(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    choices = [schema, *schema.get("anyOf", []), schema.get("items", {})]
    names = [choice["$ref"].rsplit("/", 1)[-1] for choice in choices if "$ref" in choice]
    return any(schemas[name].get("examples") for name in names)


def test_the_documentation_needs_nothing_from_elsewhere(client: httpx.Client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert asset in page.text
        assert client.get(f"/static-offline-docs/{asset}").status_code == 200

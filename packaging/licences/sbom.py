"""`bill`: the parts as a CycloneDX 1.6 document, the same bytes each time. `faults`: what its schema forbids."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from licences.component import Component, Inventory

_NAMESPACE = uuid.UUID("6f0d1c1e-7b2e-5a77-9a0e-3b8d8c1f6f10")  # ours; a bill's number follows from what it lists
SCHEMA = SchemaVersion.V1_6


def bill(inventory: Inventory, version: str, moment: int) -> str:
    """The document.

    Args:
        moment: Seconds since 1970 of the commit that was built (SOURCE_DATE_EPOCH), so that a second build is the same.
    """
    own = Part(
        name="Volumask",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref="volumask",
        licenses=[LicenseFactory().make_with_id("BSD-3-Clause")],
    )
    tool = Part(name="packaging/licences of Volumask", version=version, type=ComponentType.APPLICATION, bom_ref="tool")
    parts = [_part(component) for component in inventory.components]
    about = "\n".join(f"{c.purl} {c.version} {' '.join(c.files)}" for c in inventory.components)
    bom = Bom(
        components=parts,
        serial_number=uuid.uuid5(_NAMESPACE, f"{version} {moment}\n{about}"),
        metadata=BomMetaData(
            component=own,
            timestamp=datetime.fromtimestamp(moment, UTC),
            tools=ToolRepository(components=[tool]),
        ),
    )
    bom.register_dependency(own, parts)
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1) + "\n"


def faults(document: str) -> list[str]:
    """What in a document breaks CycloneDX's published JSON schema."""
    errors = JsonStrictValidator(SCHEMA).validate_str(document, all_errors=True)
    return [str(error) for error in errors] if errors else []


def _part(component: Component) -> Part:
    return Part(
        name=component.name,
        version=component.version or None,
        type=ComponentType.DATA if component.name.startswith(("ct_", "weights of")) else ComponentType.LIBRARY,
        bom_ref=f"{component.purl}#{component.name}",
        purl=PackageURL.from_string(component.purl),
        licenses=_licences(component.licence),
        external_references=_pages(component.page),
        evidence=_evidence(component.files),
    )


def _evidence(files: Iterable[str]) -> ComponentEvidence | None:
    found = [Occurrence(location=file, bom_ref=f"at {file}") for file in files]
    return ComponentEvidence(occurrences=found) if found else None


def _licences(expression: str) -> Iterable[object]:
    concluded, factory = LicenseAcknowledgement.CONCLUDED, LicenseFactory()
    return [factory.make_from_string(expression, license_acknowledgement=concluded)] if expression else []


def _pages(url: str) -> Iterable[ExternalReference]:
    return [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(url))] if url else []

"""XML bytes to a tree, within limits. Pure and total: any bytes give a tree or a Refused.

Owns what an XML document may be here: UTF-8, without a document type (so there are no entities to expand), and bounded
in bytes, elements and depth. Never knows what a document means. Namespaces are dropped.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from feeds.contract.errors import Refused

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest document. All market descriptions together have about 3 MB."""

ELEMENTS_MAX: Final = 400_000
DEPTH_MAX: Final = 16

Element = ElementTree.Element

_BOM: Final = b"\xef\xbb\xbf"


def read_xml(data: bytes) -> Element:
    """The root. Raises Refused("too_long" | "too_many_elements" | "too_deep" | "doctype" | "xml_malformed")."""
    if len(data) > DOCUMENT_BYTES_MAX:
        raise Refused("too_long", f"a document of {len(data)} bytes, at most {DOCUMENT_BYTES_MAX} are read")
    text = data.removeprefix(_BOM).strip()
    if b"\0" in text:
        raise Refused("xml_malformed", "not UTF-8 text")
    if b"<!DOCTYPE" in text:
        raise Refused("doctype", "a document with a document type")
    if text.count(b"<") > 2 * ELEMENTS_MAX:
        raise Refused("too_many_elements", f"more than {ELEMENTS_MAX} elements")
    try:
        root = ElementTree.fromstring(text, ElementTree.XMLParser(encoding="utf-8"))  # noqa: S314 see the docstring
    except (ElementTree.ParseError, ValueError) as error:
        raise Refused("xml_malformed", str(error)) from error
    _check_depth(root)
    if root.tag.startswith("{"):
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root


def _check_depth(root: Element) -> None:
    level = [root]
    for _ in range(DEPTH_MAX):
        level = [child for element in level for child in element]
        if not level:
            return
    raise Refused("too_deep", f"elements within elements, more than {DEPTH_MAX}")

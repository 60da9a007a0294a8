"""The objects of an org: devorg's own, and those that files of a real org declare.

``objects.txt`` beside this module holds devorg's own, one line for each field. Files of
the same form may add to them; describes, and the object XML of projects, may add to and
replace them. All of them together become one ``Metadata``.
"""

from importlib import resources
from pathlib import Path

from lht.devorg.declare.attributes import label_of
from lht.devorg.declare.draft import DeclarationError, Drafts
from lht.devorg.declare.files import Found, find_files
from lht.devorg.declare.finishing import declare_missing, finish
from lht.devorg.declare.from_describe import DescribeReader
from lht.devorg.declare.from_xml import XmlReader
from lht.devorg.declare.lines import LineReader
from lht.devorg.metadata import Metadata

__all__ = ["DeclarationError", "label_of", "load_metadata", "parse_metadata"]

_OWN = "objects.txt"


def load_metadata(*paths: Path | str) -> Metadata:
    """Read the org's declaration, and further files after it.

    Args:
        paths: Files, or folders with all that is below them. Describes of objects, as
            an org answers them (JSON, one in a file or many, also gzipped), stand in
            the place of the objects of that name. Object XML (``sfdx`` source format,
            or the older ``.object``) adds objects, and fields to those there are. Any
            other file is in the format of ``objects.txt``: it may add objects
            (``object``) and fields to objects declared elsewhere (``extend``).

    Returns:
        All objects. ``declared`` says what the files had, and what was left out.

    Raises:
        DeclarationError: Something cannot be understood, or is unknown. It names the
            file and the line, field or element.
    """
    drafts = Drafts()
    lines = LineReader(drafts)
    lines.read(_OWN, resources.files(__package__).joinpath(_OWN).read_text("utf-8"))
    for draft in drafts:
        draft.own_fields, draft.is_partial = frozenset(draft.fields), True
    _read_files(drafts, lines, find_files(paths, drafts))
    declare_missing(drafts, lines)
    return finish(drafts)


def parse_metadata(*texts: tuple[str, str]) -> Metadata:
    """Build the metadata that *texts*, pairs of a name and a content, declare."""
    drafts = Drafts()
    lines = LineReader(drafts)
    for name, text in texts:
        lines.read(name, text)
    return finish(drafts)


def _read_files(drafts: Drafts, lines: LineReader, found: Found) -> None:
    """Read describes first, then XML, which adds to them, then what extends all."""
    describes = DescribeReader(drafts)
    for place, content in found.json:
        describes.take(place, content)
    describes.finish()
    xml = XmlReader(drafts, lines)
    for path, root in found.xml:
        xml.take(path, root)
    xml.finish()
    for name, text in found.texts:
        lines.read(name, text)

"""A ZIP file that a document is kept in, looked at before anything is unpacked, and the XML in it. Knows no format."""

import io
import zipfile
from typing import Any

from haechi.parsing.json_fields import Malformed

MOST_BYTES = 512 * 1024 * 1024
"""Unpacked; what a document of a million pages would take."""
MOST_RATIO = 250
"""Unpacked bytes for one packed byte: text shrinks twentyfold, a bomb a thousandfold."""
SMALL = 16 * 1024 * 1024
"""Unpacked bytes that no ratio is asked of: a blank sheet shrinks as much as a bomb."""
_ENCRYPTED = 0x1
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")


def open_zip(data: bytes, member: str) -> zipfile.ZipFile:
    """The archive, or why it is none, is no document with this member, is locked, or would fill the memory."""
    if data.startswith(_OLE):
        if _LOCKED in data:
            raise Malformed("password", "asks for a password: save it without one")
        raise Malformed("wrong_format", "is of an Office before 2007: save it as DOCX, PPTX or XLSX")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Malformed("damaged_file", f"can't be opened ({error}): it may be cut short; save it again") from error
    size = sum(part.file_size for part in archive.infolist())
    if size > MOST_BYTES or (size > SMALL and size > MOST_RATIO * len(data)):
        raise Malformed("unpacks_too_large", f"would unpack to {size:,} bytes from {len(data):,}: take it away, or divide it")
    if any(part.flag_bits & _ENCRYPTED for part in archive.infolist()):
        raise Malformed("password", "asks for a password: save it without one")
    if member not in archive.namelist():
        raise Malformed("wrong_format", f"is a ZIP file without {member}: it is not what its name says")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member; a damaged one is named."""
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise Malformed("damaged_file", f"has a part that can't be read ({name}): save it again") from error


def parse_xml(data: bytes) -> Any:
    """The root element of a stranger's XML: no entity is resolved, no file or address is opened, no document type is read."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Malformed("damaged_file", f"has a part that is no XML ({error.msg}): save it again") from error

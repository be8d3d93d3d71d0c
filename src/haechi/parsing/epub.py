"""An EPUB book as blocks: its chapters in reading order, each read as HTML. Gives up protected books and notes that pop up."""

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from haechi.parsing.content import Block, Content, content
from haechi.parsing.decode import decode
from haechi.parsing.html_blocks import html_blocks
from haechi.parsing.json_fields import Malformed
from haechi.parsing.zip_archive import open_zip, parse_xml, read_member

_CONTAINER, _LOCKS = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")


def read_epub(data: bytes) -> Content:
    """The book under the title that it gives itself."""
    with open_zip(data, _CONTAINER) as archive:
        package = parse_xml(read_member(archive, _CONTAINER)).xpath("string(//*[local-name()='rootfile']/@full-path)")
        book = parse_xml(read_member(archive, str(package)))
        title = str(book.xpath("string(//*[local-name()='metadata']/*[local-name()='title'])"))
        pages = list(_pages(book, posixpath.dirname(str(package))))
        if locked := _locked(archive) & set(pages):
            raise Malformed("password", f"is protected against copying ({min(locked)}): haechi reads open books only")
        return content(title, _blocks(archive, pages))


def _pages(book: Any, folder: str) -> Iterator[str]:
    """The members that hold the text, in reading order."""
    items = {item.get("id"): item for item in book.xpath("//*[local-name()='manifest']/*[local-name()='item']")}
    for reference in book.xpath("//*[local-name()='spine']/*[local-name()='itemref']/@idref"):
        item = items.get(reference)
        if item is not None and item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split():
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))


def _blocks(archive: zipfile.ZipFile, pages: list[str]) -> Iterator[Block]:
    for page in pages:
        text, _ = decode(read_member(archive, page))
        yield from html_blocks(text)[1]


def _locked(archive: zipfile.ZipFile) -> set[str]:
    if _LOCKS not in archive.namelist():
        return set()
    uris = parse_xml(read_member(archive, _LOCKS)).xpath("//*[local-name()='CipherReference']/@URI")
    return {unquote(str(uri)) for uri in uris}

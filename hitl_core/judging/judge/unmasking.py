"""What a text says once look-alike letters, invisible characters and encodings are taken off.

Public: `readings`, `hidden_characters`, `LONGEST`.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

# Long runs are folded, so that no pattern can be made to walk through them from each of their characters.
_BLANKS = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[ \n]*")
_RULE = re.compile(r"([-=*_#>.])\1{8,}")
# Letters of other scripts that look like Latin ones; folded only inside words that mix scripts.
_LOOKALIKE = str.maketrans(
    "аеорсухіјѕԁӏкмтвнАЕОРСУХІЈЅКМТВНαεορυνικτΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡ",
    "aeopcyxijsdlkmtbhAEOPCYXIJSKMTBHaeopuviktABEZHIKMNOPTYXig",
)
_MIXED = re.compile(r"(?=\w*[a-zA-Z])(?=\w*[\u0370-\u03ff\u0400-\u04ff\u0131\u0261])\w+")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_TAG = re.compile(r"[\U000e0020-\U000e007e]{3,}")
_OVERRIDE = re.compile(r"[\u202d\u202e\u2066-\u2068]")
_BETWEEN_LETTERS = re.compile(r"(?<=[a-zA-Z])[\u200b\u2060\ufeff\u00ad](?=[a-zA-Z])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/=])")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?:0x)?(?:[0-9a-fA-F]{2}[ :]?){10,}(?![0-9a-zA-Z])")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[nrt\"/])")
_SPACED = re.compile(r"\b(?:[A-Za-z][ .\-_*]){5,}[A-Za-z]\b")
_LEET = str.maketrans("013457@$", "oieastas")
_ROT13_WORDS = re.compile(
    r"\b(?:vtaber|qvfertneq|nccebir|nccebirq|vafgehpgvbaf?|irqvpg|ireqvpg|whqtr|cerivbhf|flfgrz)\b", re.IGNORECASE
)
_LEET_WORDS = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457@$])[\w@$]{2,24}\b", re.IGNORECASE)
_REVERSED_WORDS = re.compile(r"\b(?:erongi|dragersid|evorppa|tcidrev|snoitcurtsni|suoiverp|egduj)\b", re.IGNORECASE)
LONGEST = 1_000_000
"""Characters; what is longer is not looked through, and says so."""
# So many characters hidden between letters are no accident of a word processor.
MANY_HIDDEN = 4


def readings(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the folded text, then every decoded form of it that reads as text; the flag says it was decoded."""
    plain = fold(text)
    yield plain, False
    for decoded in _decoded(text, plain):
        folded = fold(decoded)
        if folded != plain:
            yield folded, True


def fold(text: str) -> str:
    """Return the text in compatibility form, without invisible characters, look-alike letters in Latin words undone."""
    if text.isascii():
        return _spaces(text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = _MIXED.sub(lambda word: word[0].translate(_LOOKALIKE), text)
    return _spaces(text)


def hidden_characters(text: str) -> str:
    """Return "hidden_text" for text that a person cannot see or sees in another order, else nothing."""
    if text.isascii():
        return ""
    hidden = _TAG.search(text) or len(_BETWEEN_LETTERS.findall(text)) >= MANY_HIDDEN
    reordered = _OVERRIDE.search(text) and not _right_to_left(text)
    return "hidden_text" if hidden or reordered else ""


def _decoded(text: str, plain: str) -> Iterator[str]:
    for found in _BASE64.finditer(text):
        yield from _text_of(_base64(found[0]))
    for found in _HEX.finditer(text):
        yield from _text_of(_hex(found[0]))
    if tags := _TAG.findall(text):
        yield "".join(chr(ord(each) - 0xE0000) for run in tags for each in run)
    yield from (form for form in (unquote(text), html.unescape(text), _ESCAPES.sub(_unescaped, text)) if form != text)
    yield from _disguised(plain)


def _disguised(plain: str) -> Iterator[str]:
    """Forms that a reader undoes without a decoder: rotated, reversed, spaced out, with digits for letters."""
    if _ROT13_WORDS.search(plain):
        yield codecs.decode(plain, "rot13")
    if _REVERSED_WORDS.search(plain):
        yield plain[::-1]
    if _SPACED.search(plain):
        yield _SPACED.sub(lambda run: re.sub(r"[ .\-_*]", "", run[0]), plain)
    if _LEET_WORDS.search(plain):
        yield _LEET_WORDS.sub(lambda word: word[0].translate(_LEET), plain)


def _spaces(text: str) -> str:
    # Typographic quotes count as plain ones, runs of blanks as one; line breaks stay, as they separate turns.
    text = text.replace("’", "'").replace("‘", "'").replace("\r", "\n")
    text = _BREAKS.sub("\n", _BLANKS.sub(" ", text))
    return _RULE.sub(lambda run: run[0][:8], text)


def _unescaped(found: re.Match[str]) -> str:
    mark = found[0]
    plain = {"\\n": "\n", "\\r": "\n", "\\t": " ", '\\"': '"', "\\/": "/"}.get(mark)
    return plain if plain is not None else chr(int(mark[2:], 16))


def _base64(run: str) -> bytes:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hex(run: str) -> bytes:
    try:
        return bytes.fromhex(re.sub(r"0x|[ :]", "", run))
    except ValueError:
        return b""


def _text_of(raw: bytes) -> Iterator[str]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    readable = sum(each.isalpha() or each in " .,:;!?'\"-\n{}_" for each in text)
    if text and readable >= 0.9 * len(text):
        yield text


def _right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(each) in {"R", "AL"} for each in text)

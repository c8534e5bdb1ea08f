"""Which letters the fonts of this machine have.

Imports the standard library alone, and asks fontconfig, as what draws the PDF and the mails' pictures does.
"""

from __future__ import annotations  # for `make doctor`, which runs under any Python

import ctypes
import ctypes.util
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CJK_PACKAGE, _EMOJI_PACKAGE, _OTHER_PACKAGE = "fonts-noto-cjk", "fonts-noto-color-emoji", "fonts-noto-core"
_CJK_WORDS = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")
_SCRIPT_NAMES = {  # first word of a letter's Unicode name to what people call its script
    "CJK": "Chinese and Japanese",
    "IDEOGRAPHIC": "Chinese and Japanese",
    "FULLWIDTH": "Chinese and Japanese",
    "HANGUL": "Korean",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "KATAKANA-HIRAGANA": "Japanese",
}
_FIRST_EMOJI, _LAST_EMOJI = 0x1F000, 0x1FAFF
_IGNORED_CATEGORIES = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")  # what is never drawn, or only as a space
SAMPLE_LETTERS = {  # script to one of its letters
    "Arabic": "ع",
    "Hebrew": "ש",
    "Thai": "ด",
    "Devanagari": "ह",
    "Bengali": "ব",
    "Tamil": "த",
    "Georgian": "ქ",
    "Armenian": "Հ",
    "Chinese and Japanese": "音",
    "Japanese": "の",
    "Korean": "음",
    "Emoji": "🎵",
}


class MissingScript(NamedTuple):
    """A script that no font here has, where it stands, and what has it."""

    script: str  # such as "Thai"
    letter: str  # an example
    place: str  # where the example stands, such as "top genre"
    package: str  # of Debian, that has a font; empty for what no package is known


class FontCoverage:
    """The letters that fontconfig's fonts have."""

    def __init__(self) -> None:
        self._library = library = _load_fontconfig()
        self._letters: int | None = None
        if library is None:
            return
        config = library.FcInitLoadConfigAndFonts()
        fonts = library.FcConfigGetFonts(config, 0)
        self._letters = library.FcCharSetCreate()
        letters, changed = ctypes.c_void_p(), ctypes.c_int()
        for place in range(fonts.contents.count if fonts else 0):
            found = library.FcPatternGetCharSet(fonts.contents.fonts[place], b"charset", 0, ctypes.byref(letters))
            if found == 0:
                library.FcCharSetMerge(self._letters, letters, ctypes.byref(changed))
        library.FcConfigDestroy(config)

    def has_letter(self, letter: str) -> bool:
        """Tell whether a font here has a letter; yes, if unknown."""
        if self._library is None or self._letters is None:
            return True
        return bool(self._library.FcCharSetHasChar(self._letters, ord(letter)))


def find_missing_scripts(
    texts: Mapping[str, Iterable[str]], own_letters: Iterable[str] = (), coverage: FontCoverage | None = None
) -> tuple[MissingScript, ...]:
    """Return the scripts that no font here can write.

    Parameters
    ----------
    texts : mapping of str to iterables of str
        What is shown, by its place, such as "top genre".
    own_letters : iterable of str
        Letters of the fonts that the project brings.
    coverage : FontCoverage or None
        The fonts of this machine; they are looked for if left out.
    """
    fonts, own = coverage or FontCoverage(), set(own_letters)
    found: dict[str, MissingScript] = {}
    for place, shown in texts.items():
        for letter in dict.fromkeys("".join(shown)):
            if letter in own or unicodedata.category(letter) in _IGNORED_CATEGORIES or fonts.has_letter(letter):
                continue
            script, package = _name_script(letter)
            found.setdefault(script, MissingScript(script, letter, place, package))
    return tuple(found.values())


def find_missing_samples() -> tuple[MissingScript, ...]:
    """Return the common scripts that no font here can write."""
    return find_missing_scripts({script: [letter] for script, letter in SAMPLE_LETTERS.items()})


def _name_script(letter: str) -> tuple[str, str]:
    """Return a letter's script, and the package with its font."""
    code = ord(letter)
    first = unicodedata.name(letter, "").partition(" ")[0]
    if _FIRST_EMOJI <= code <= _LAST_EMOJI or unicodedata.category(letter) == "So":
        return "Emoji", _EMOJI_PACKAGE
    if not first:  # not assigned, or private
        return "letters that Unicode doesn't name", ""
    if first in _CJK_WORDS:
        return _SCRIPT_NAMES.get(first, first.capitalize()), _CJK_PACKAGE
    return first.capitalize(), _OTHER_PACKAGE


def _load_fontconfig() -> ctypes.CDLL | None:
    """Load fontconfig, or nothing where it is missing."""
    names = (ctypes.util.find_library("fontconfig"), "libfontconfig.so.1", "libfontconfig.1.dylib")
    for name in names:
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            library = None
        if library is not None:
            break
    else:
        return None
    pointer = ctypes.c_void_p
    declarations = {
        "FcInitLoadConfigAndFonts": (pointer, []),
        "FcConfigGetFonts": (ctypes.POINTER(_FontSet), [pointer, ctypes.c_int]),
        "FcConfigDestroy": (None, [pointer]),
        "FcPatternGetCharSet": (ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(pointer)]),
        "FcCharSetCreate": (pointer, []),
        "FcCharSetMerge": (ctypes.c_int, [pointer, pointer, ctypes.POINTER(ctypes.c_int)]),
        "FcCharSetHasChar": (ctypes.c_int, [pointer, ctypes.c_uint32]),
    }
    for name, (result, arguments) in declarations.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class _FontSet(ctypes.Structure):
    """Fontconfig's list of fonts."""

    _fields_ = (("count", ctypes.c_int), ("size", ctypes.c_int), ("fonts", ctypes.POINTER(ctypes.c_void_p)))

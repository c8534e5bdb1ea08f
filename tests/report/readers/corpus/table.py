"""The corpus: every file that a month may turn out to be, and what it must get, the right answer or a sentence.

Files are built here, each in a line, rather than kept: most are a usual user with one thing wrong, and what is wrong
stands beside what it must get. What is random has a seed.
"""

import codecs
import datetime as dt
import decimal
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.report.readers.corpus.made import HEADER, ONE, ROW, parquet, repack, sheet, text, user, users, write
from tests.support.music import NUMBERS as NUMBER_COLUMNS

TWO = HEADER + "\n" + ROW + "\n" + ROW + "\n"
EMPTY = "," * (len(ONE) - 1) + "\n"
FIRST = ",".join(list(ONE)[:7])
LATIN = {"top_genre": "Música"}
READS: dict[str, tuple[str | bytes, pd.DataFrame]] = {
    "LF": (TWO, users({}, {})),
    "CRLF": (TWO.replace("\n", "\r\n"), users({}, {})),
    "CR": (TWO.replace("\n", "\r"), users({}, {})),
    "line ends written twice": (TWO.replace("\n", "\r\r\n"), users({}, {})),
    "no end of line at the end": (TWO.rstrip(), users({}, {})),
    "empty lines at the end": (TWO + "\n\n  \n", users({}, {})),
    "empty fields at the end": (TWO + 2 * EMPTY, users({}, {})),
    "a tail of delimiters": (TWO + ",,,\n", users({}, {})),
    "empty lines at the start": ("\n\n" + TWO, users({}, {})),
    "an empty line within": (f"{HEADER}\n{ROW}\n\n{ROW}\n", users({}, {})),
    "empty fields within": (
        f"{HEADER}\n{ROW}\n{EMPTY}{ROW}\n",
        users({}, dict.fromkeys(ONE, None), {}),
    ),
    "semicolons": (text({}, {}, sep=";"), users({}, {})),
    "tabs": (text({}, {}, sep="\t"), users({}, {})),
    "pipes": (text({}, {}, sep="|"), users({}, {})),
    "Excel's note on the delimiter": ("sep=;\r\n" + text({}, sep=";"), users({})),
    "commas within semicolons": (text({"top_genre": "Pop,Rock,Indie"}, sep=";"), users({"top_genre": "Pop,Rock,Indie"})),
    "a word of 255 letters and blanks after it": (text({"top_genre": "x" * 255 + " " * 300}), users({"top_genre": "x" * 255})),
    "everything quoted": (
        re.sub(r"[^,\n]+", r'"\g<0>"', TWO),
        users({}, {}),
    ),
    "a quoted delimiter": (text({"top_genre": "Pop, Rock"}), users({"top_genre": "Pop, Rock"})),
    "a quoted line break": (
        TWO.replace("Pop", '"Pop\nRock"', 1),
        users({"top_genre": "Pop Rock"}, {}),
    ),
    "a quote in quotes": (TWO.replace("Pop", '"12"" Pop"', 1), users({"top_genre": '12" Pop'}, {})),
    "a quote within a word": (TWO.replace("Pop", '12" Pop', 1), users({"top_genre": '12" Pop'}, {})),
    "blanks around everything": (TWO.replace(",", " ,  "), users({}, {})),
    "a blank before quotes": (TWO.replace("Pop", ' "Pop, Rock"', 1), users({"top_genre": "Pop, Rock"}, {})),
    "control characters": (text({"top_genre": "Po\x01p\x1b"}, {"gender": "\x7f"}), users({"top_genre": "Po p"}, {"gender": None})),
    "Unicode's ends of line": (text({"top_genre": "Hip\u2028Hop\u2029"}), users({"top_genre": "Hip Hop"})),
    "no-break spaces": (text({"gender": "\u00a0Male\u00a0", "age": "\u00a020"}), users({})),
    "an end mark of DOS": (TWO + "\x1a", users({}, {})),
    "an end mark of DOS in its row": (TWO.rstrip() + "\x1a\r\n", users({}, {})),
    "the last line of psql": (TWO + "(2 rows)\n\n", users({}, {})),
    "the last line of sqlcmd": (TWO + "\n(2 rows affected)\n", users({}, {})),
    "the last line of psql in German": (TWO + "(2 Zeilen)\n", users({}, {})),
    "the last line of SQL*Plus": (TWO + "\n2 rows selected.\n", users({}, {})),
    "the last line of MySQL": (TWO + "Query OK, 2 rows\n", users({}, {})),
    "a last line that a spreadsheet saved": (TWO + "(2 rows affected)" + EMPTY, users({}, {})),
    "rows of blanks nobody sees at the end": (TWO + ",".join(["\u00a0"] * len(ONE)) + "\n\u200b\n", users({}, {})),
    "headers with marks nobody sees": ("\u200b" + TWO.replace("top_genre", "top\u00a0genre\u200e"), users({}, {})),
    "a number between marks of direction": (text({"age": "\u202d20\u202c"}), users({})),
    "composed and not": (text({"top_genre": "Salari\u00e9"}, {"top_genre": "Salarie\u0301"}), users({"top_genre": "Salari\u00e9"}, {"top_genre": "Salari\u00e9"})),
    "joiners that a word needs": (text({"top_genre": "\u0646\u0645\u06cc\u200c\u062f"}), users({"top_genre": "\u0646\u0645\u06cc\u200c\u062f"})),
    "UTF-8": (text(LATIN), users(LATIN)),
    "UTF-8, marked": (codecs.BOM_UTF8 + text(LATIN).encode(), users(LATIN)),
    "UTF-8, marked twice": (codecs.BOM_UTF8 * 2 + text(LATIN).encode(), users(LATIN)),
    "UTF-16 LE": (codecs.BOM_UTF16_LE + text(LATIN).encode("utf-16-le"), users(LATIN)),
    "UTF-16 BE": (codecs.BOM_UTF16_BE + text(LATIN).encode("utf-16-be"), users(LATIN)),
    "UTF-16 with tabs": (text(LATIN, sep="\t").encode("utf-16"), users(LATIN)),
    "UTF-32": (text(LATIN).encode("utf-32"), users(LATIN)),
    "Windows-1252": (text(LATIN).encode("cp1252"), users(LATIN)),
    "Windows-1252, last character": (
        f"{HEADER},top_genre\n{ROW},José".replace("top_genre,", "", 1).replace("Pop,", "", 1).encode("cp1252"),
        users({"top_genre": "José"}),
    ),
    "Windows-1252, curly quotes": (
        text({"top_genre": "Rock ’n’ Roll – live"}).encode("cp1252"),
        users({"top_genre": "Rock ’n’ Roll – live"}),
    ),
    "other case, blanks and hyphens": (
        TWO.replace(FIRST, "AGE, Gender ,Employment-Status,Annual income,USAGE_per-month,Top  Genre,Num of days active"),
        users({}, {}),
    ),
    "columns of no concern": (
        "note," + HEADER + ",,note\n" + "x," + ROW + ",,y\n",
        users({}),
    ),
    "titles above the header": (f"Users of October\n\nPrinted 2026-11-01,,\n{TWO}", users({}, {})),
    "another order": (",".join(reversed(ONE)) + "\n" + ",".join(reversed(ONE.values())) + "\n", users({})),
}  # fmt: skip

REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "nothing": (b"", ["is empty", "Expected a header"]),
    "only blanks": (b"\n \r\n\n", ["is empty"]),
    "only a mark": (codecs.BOM_UTF8, ["is empty"]),
    "only a header": (HEADER + "\n", ["no user rows", "Expected one row a user"]),
    "a header and empty rows": (f"{HEADER}\n\n{EMPTY}", ["no user rows"]),
    "no header": (f"{ROW}\n{ROW}\n", ["missing columns age, gender", f"found {len(ONE)} columns, none with a name that is known", "`source` in the columns file"]),
    "a title above no header": (f"Users of October\n{ROW}\n", ["missing columns age", "found 1 column, none with"]),
    "one column missing": (TWO.replace("gender", "sex"), ["missing column gender;", "'sex'", "`source` in the columns file"]),
    "more columns than a table has": (f"{HEADER}{',x' * 10_000}\n{ROW}\n", [f"has {10_000 + len(ONE):,} columns, expected at most 10,000"]),
    "only an end mark of DOS": (b"\x1a", ["is empty"]),
    "only commas": ("," * 5_000, ["is empty"]),
    "one column twice": (f"{HEADER},age\n{ROW},21\n", ["2 columns could be 'age': 'age', 'age'", "`source` in the columns file"]),
    "twice but for case": (f"{HEADER},Top-Genre\n{ROW},Pop\n", ["could be 'top_genre': 'top_genre', 'Top-Genre'"]),
    "an unknown delimiter": (text({}, sep=":"), ["missing columns", "found 1 column, none with"]),
    "rows with another delimiter": (f"{HEADER}\n" + ROW.replace(",", ";"), [f"row 2 has 1 field, expected {len(ONE)}"]),
    "a short row": (f"{HEADER}\n{ROW}\n20,Male\n{ROW}\n", [f"row 3 has 2 fields, expected {len(ONE)}", "as in the header."]),
    "a long row": (f"{HEADER}\n{ROW}\n{ROW},5\n{ROW}\n", [f"row 3 has {len(ONE) + 1} fields, expected {len(ONE)}", "in quotes"]),
    "a first row too long": (f"{HEADER}\n{ROW},5\n", [f"row 2 has {len(ONE) + 1} fields, expected {len(ONE)}"]),
    "a last row cut short": (f"{TWO}20,Male,Stu", [f"row 4 has 3 fields, expected {len(ONE)}", "It is the last row of the file. Correct the export"]),
    "decimal commas without quotes": (f"{HEADER}\n" + ROW.replace("30", "30,5"), [f"row 2 has {len(ONE) + 1} fields"]),
    "a quote never closed": (f'{HEADER}\n{ROW}\n20,"Male,Student\n{ROW}\n', ["row 3 has a quote that doesn't close"]),
    "a quote never closed in the header": ('"' + TWO, ["row 1 has a quote that doesn't close"]),
    "a quote closed too early": (f'{HEADER}\n20,"Male"s,Student,1,2,Pop,3\n', ["row 2 has a quote"]),
    "a quote never closed, and much after": (f'{HEADER}\n20,"{ROW * 9000}', ["row 2 has a value of more than 131,072 characters, or a quote that never closes"]),
    "quotes escaped by backslashes": (TWO.replace("Pop", r'"12\" Pop"'), ["row 2 has a quote"]),
    "a footer before more rows": (f"{TWO}(2 rows)\n{ROW}\n", [f"row 4 has 1 field, expected {len(ONE)}"]),
    "a footer of full length before more rows": (f"{TWO}(2 rows){EMPTY}{ROW}\n", [f"row 4 has 1 field, expected {len(ONE)}"]),
    "a NUL": (TWO.replace("Pop", "Po\0"), ["NUL character on line 2"]),
    "NULs for a hole in the file": (TWO.encode() + bytes(4096), ["NUL character on line 4"]),
    "UTF-16 without its mark": (TWO.encode("utf-16-le"), ["NUL character on line 1", "UTF-16", "CSV UTF-8"]),
    "UTF-16, cut short": (TWO.encode("utf-16")[:-1], ["starts as UTF-16-LE and doesn't stay so (truncated data at byte"]),
    "UTF-8 by its mark, and not": (codecs.BOM_UTF8 + text(LATIN).encode("cp1252"), ["starts as UTF-8", "CSV UTF-8"]),
    "UTF-8 and Windows-1252": (text(LATIN).encode() + ROW.replace("Pop", "Música").encode("cp1252"), ["or several", "line 2"]),
    "UTF-8, cut within a character": (text(LATIN, LATIN).encode() + "20,Må".encode()[:-1], ["neither UTF-8", "CSV UTF-8"]),
    "Russian": (text({"top_genre": "Классика"}, {"gender": "Мужской"}).encode("cp1251"), ["neither UTF-8", "CSV UTF-8"]),
    "Polish": (text({"gender": "Mężczyzna"}, {"top_genre": "Poważna"}).encode("cp1250"), ["neither UTF-8"]),
    "Greek": (text({"gender": "Άνδρας"}, {"gender": "Γυναίκα"}).encode("cp1253"), ["neither UTF-8"]),
    "Japanese": (text({"gender": "男性"}, {"top_genre": "ロック"}).encode("shift_jis"), ["neither UTF-8"]),
    "an old Mac's": (text({"top_genre": "Música clásica"}).encode("mac_roman"), ["neither UTF-8"]),
    "an old Excel file": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(range(1, 256)), ["neither UTF-8"]),
    "a zip": (b"PK\x03\x04" + b"x" * 99, ["is an Excel workbook or a zip", "ending that fits"]),
    "a Parquet file": (b"PAR1" + b"x" * 99, ["is a Parquet file"]),
    "a gzip archive": (b"\x1f\x8b\x08" + b"x" * 99, ["is a gzip archive"]),
    "a page": ("<!DOCTYPE html>\n<html><body>Log in</body></html>\n", ["missing columns", "found 1 column, none with"]),
    "a lookup that failed in German": (text({}, {"top_genre": "#NV"}), ["'top_genre' has 1 of Excel's error values (first on row 3)"]),
    "a formula that LibreOffice refused": (text({}, {"top_genre": "Err:502"}), ["'top_genre' has 1 of Excel's error values (first on row 3)"]),
    "a word of 256 letters": (text({}, {"top_genre": "x" * 256}), ["'top_genre' has 1 text of more than 255 characters (first on row 3)", "top genre as a word or a few"]),
    "an essay for a word": (text({}, {"gender": "word " * 25_000}, {"gender": "word " * 25_000}), ["'gender' has 2 texts of more than 255 characters (first on row 3)"]),
    "a page for a word, in two lines": (text({"top_genre": '"' + ("<p>a\n" * 90) + '"'}), ["'top_genre' has 1 text of more than 255 characters (first on row 2)"]),
    "a lookup that failed": (text({}, {"top_genre": "#N/A"}), ["'top_genre' has 1 of Excel's error values (first on row 3)"]),
}  # fmt: skip

NUMBERS: dict[str, tuple[str, list[str], list[float]]] = {
    "signs and exponents": (",", ["-29", "+5", "1e3", "1.5E+03", "-2e-1"], [-29, 5, 1000, 1500, -0.2]),
    "nothing before or after the point": (",", [".5", "5.", "-.25"], [0.5, 5, -0.25]),
    "zeros in front": (",", ["007", "0.50"], [7, 0.5]),
    "infinities and the largest": (",", ["inf", "-Infinity", "1e308", "1e999"], [np.inf, -np.inf, np.inf, np.inf]),
    "17 digits": (",", ["0.30000000000000004", "9007199254740993"], [0.30000000000000004, 9007199254740992]),
    "quoted thousands": (",", ["1,234", "115,000", "12", "1,234,567.5"], [1234, 115000, 12, 1234567.5]),
    "thousands by blanks": (",", ["1 234", "12\u00a0345", "1\u202f234\u202f567.5", "7"], [1234, 12345, 1234567.5, 7]),
    "thousands by apostrophes": (",", ["1'234", "12’345.5"], [1234, 12345.5]),
    "decimal commas": (";", ["12,5", "0,25", "-3", ",5"], [12.5, 0.25, -3, 0.5]),
    "decimal commas in tabs": ("\t", ["12,5", "7"], [12.5, 7]),
    "decimal commas, thousands by points": (";", ["1.234,5", "12.345", "1.234.567,25"], [1234.5, 12345, 1234567.25]),
    "decimal commas, thousands by blanks": (";", ["1 234,5", "12 345"], [1234.5, 12345]),
    "decimal commas and exponents": (";", ["1,5E+03", "2"], [1500, 2]),
    "three decimals, and one that proves them": (";", ["1,234", "12,5"], [1.234, 12.5]),
    "a first group of zero proves decimals": (";", ["0,123", "1,234"], [0.123, 1.234]),
    "a long number proves decimals": (";", ["1234,567", "1,234"], [1234.567, 1.234]),
    "two groups prove thousands": (";", ["1.234.567", "1.234"], [1234567, 1234]),
    "decimal points in semicolons": (";", ["12.5", "1.234"], [12.5, 1.234]),
    "both marks prove thousands by commas": (";", ["1,234.5", "1,234"], [1234.5, 1234]),
    "three decimals, and a zero that proves them": (",", ["12.345", "0.234"], [12.345, 0.234]),
    "three decimals beside fewer": (",", ["1.234", "1500", "7.5"], [1.234, 1500, 7.5]),
}  # fmt: skip

AMBIGUOUS = [
    (";", ["12", "1,234"], "the comma on row 3 can be a decimal mark or stand"),
    (";", ["12.500"], "the point on row 2 can be"),
    ("\t", ["1.234", "5.678"], "the point on row 2 can be"),
    ("|", ["-1,234"], "the comma on row 2 can be"),
    (",", ["115.000", "0", "950"], "the point on row 2 can be"),
    (",", ["1.234", "1,234"], "the point on row 2 can be"),
    (",", ["22.300", "146.350"], "the point on row 2 can be"),
    (",", ["22.305", "22.422", "139.125"], "the point on row 2 can be"),
    (",", ["1500", "1.234", "7"], "the point on row 3 can be"),
]  # fmt: skip

WORDS = [
    "abc", "2026-01-31", "31/01/2026", "12:30", "12 years", "15%", "(5)", "1_000", "0x1A", "1,23,456",
    "12 34", "1,2345", "1 234,567", "0,123", "1.2.3", "--5", "5-", "1e", "e5", ",", "+", "TRUE", "#N/A", "١٢", "１２", "½",
    "1'234 567", "1,234e5", "nan nan", "=1+1", "1,39,125", "(1,234)", "1,234-", "1/2", "1e3%", "0b11",
    "1''234", "1,234,", "\u22125", "10^3", "1.2E", "12h", "#DIV/0!", "45000d", "1.234.56",
]  # fmt: skip

PARQUET: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "whole numbers with gaps": ({"age": pa.array([20, None], pa.int16())}, [20, np.nan]),
    "large whole numbers": ({"age": pa.array([2**60 + 1, 1], pa.uint64())}, [float(2**60), 1]),
    "half precision": ({"age": pa.array(np.array([0.5, 2], dtype="float16"))}, [0.5, 2]),
    "infinities and NaN": ({"age": pa.array([np.inf, np.nan])}, [np.inf, np.nan]),
    "decimals": ({"age": pa.array([decimal.Decimal("0.07"), decimal.Decimal("1.23")])}, [0.07, 1.23]),
    "decimals in thousandths": ({"age": pa.array([decimal.Decimal("1.234"), None])}, [1.234, np.nan]),
    "dictionary of numbers": ({"age": pa.array([20, 21]).dictionary_encode()}, [20, 21]),
    "nothing at all": ({"age": pa.nulls(2)}, [np.nan, np.nan]),
    "numbers as text": ({"age": pa.array([" 20", "1e3"])}, [20, 1000]),
    "numbers as text, missing": ({"age": pa.array(["-", None])}, [np.nan, np.nan]),
    "decimal commas as text": ({"age": pa.array(["20,5", "1.234,5"], pa.large_string())}, [20.5, 1234.5]),
    "dictionary of text": ({"top_genre": pa.array(["Pop", None]).dictionary_encode()}, ["Pop", None]),
    "categories as bytes": ({"top_genre": pa.array([b"M\xc3\xbasica", b" "])}, ["Música", None]),
    "categories as whole numbers": ({"gender": pa.array([1, None])}, ["1", None]),
    "categories as floats": ({"gender": pa.array([1.0, None])}, ["1", None]),
    "categories as truth values": ({"employment_status": pa.array([True, False])}, ["True", "False"]),
    "categories as UUIDs": ({"gender": pa.array([bytes(15) + b"\x07", None], pa.uuid())}, ["00000000-0000-0000-0000-000000000007", None]),
}  # fmt: skip

PARQUET_REFUSED = [
    ({"gender": pa.array([2.0**24, 1], pa.float32())}, ["'gender' has 1 value (first on row 2) as floating-point numbers"]),
    ({"gender": pa.array(np.array([1, 2], dtype="float16"))}, ["'gender' holds halffloat, expected gender as text"]),
    ({"gender": pa.array([b"\xed\xa0\x80", b"x"]).view(pa.string())}, ["can't be read as .parquet", "(ArrowInvalid)", "text in UTF-8"]),
    ({"age": pa.array(["x", "20"])}, ["'age' has 1 text", "(first on row 2)", "(years)"]),
    ({"age": pa.array(["1.234", "5"])}, ["'age' is ambiguous"]),
    ({"age": pa.array(["1.234", "5,678"])}, ["'age' is ambiguous"]),
    ({"annual_income": pa.array(["22.300", "22300"]), "age": pa.array(["20.5", "21"])}, ["'annual_income' is ambiguous"]),
    ({"age": pa.array(["1.5", "2,5"])}, ["'age' mixes decimal points (row 2) and commas (row 3)"]),
    ({"age": pa.array([dt.time(1, 30)] * 2)}, ["'age' holds time64[us]"]),
    ({"age": pa.array([True, False])}, ["'age' holds bool, expected age as numbers (years)"]),
    ({"age": pa.array([dt.datetime.fromisoformat("2026-01-01")] * 2)}, ["'age' holds timestamp[us], expected age as numbers"]),
    ({"age": pa.array([dt.timedelta(1)] * 2)}, ["'age' holds duration"]),
    ({"age": pa.array([[1], [2]])}, ["'age' holds list<"]),
    ({"age": pa.array([{"x": 1}] * 2)}, ["'age' holds struct<"]),
    ({"top_genre": pa.array([["Pop"]] * 2)}, ["'top_genre' holds list<", "expected top genre as text"]),
    ({"top_genre": pa.array([dt.date(2026, 1, 1)] * 2)}, ["'top_genre' holds date32"]),
    ({"top_genre": pa.array([b"\xff", b"Pop"])}, ["can't be read as .parquet"]),
    ({"age": pa.array([bytes(16)] * 2, pa.uuid())}, ["'age' holds extension<arrow.uuid>, expected age as numbers"]),
    ({"top_genre": pa.array(['"Pop"'] * 2, pa.json_())}, ["'top_genre' holds extension<arrow.json>, expected top genre as text"]),
    ({"top_genre": pa.array(["Pop", "x" * 2000]).dictionary_encode()}, ["'top_genre' has 1 text of more than 255 characters (first on row 3)"]),
    ({"top_genre": pa.array([None, b"x" * 2000])}, ["'top_genre' has 1 text of more than 255 characters (first on row 3)"]),
    ({"Age": pa.array([1, 2])}, ["2 columns could be 'age'"]),
]  # fmt: skip

SHEETS: dict[str, tuple[list[list[Any]], list[dict[str, Any]]]] = {
    "numbers and text": ([user(), user(age=20.5)], [{}, {"age": 20.5}]),
    "rows that only look blank": ([user(), [" "], ["\u00a0", None, "\u200b"], user()], [{}, {}]),
    "what XML can't hold": ([user(top_genre="Pop_x000D_", gender="lit_xD800_")], [{"top_genre": "Pop", "gender": "lit_xD800_"}]),
    "empty cells": ([user(age=None, top_genre=None), user()], [{"age": np.nan, "top_genre": None}, {}]),
    "numbers stored as text": ([user(age="21", annual_income=" 1 234 "), user()], [{"age": 21, "annual_income": 1234}, {}]),
    "decimal commas as text": ([user(age="20,5"), user(age=20.25)], [{"age": 20.5}, {"age": 20.25}]),
    "missing, as text": ([user(age="n/a", gender="NA"), user()], [{"age": np.nan, "gender": None}, {}]),
    "categories as numbers": ([user(gender=1), user(gender=2.5)], [{"gender": "1"}, {"gender": "2.5"}]),
    "categories as truth values": ([user(gender=True)], [{"gender": "True"}]),
    "the largest number": ([user(age=1e308)], [{"age": np.inf}]),
    "blank rows": ([user(), [None] * 7, [], user()], [{}, {}]),
    "a note far to the right": ([user(), [*user(), *[None] * 16_000, "note"]], [{}, {}]),
    "more columns than headers": ([[*user(), "note", 5]], [{}]),
}  # fmt: skip

SHEETS_REFUSED = [
    ({"age": dt.datetime.fromisoformat("2026-01-31")}, ["'age' has 1 date where numbers are expected", "(first on row 3)", "(years)"]),
    ({"age": dt.time(12, 30)}, ["'age' has 1 date where", "(first on row 3)"]),
    ({"age": dt.timedelta(days=2)}, ["'age' has 1 date where"]),
    ({"age": True}, ["'age' has 1 truth value where numbers are expected", "(first on row 3)"]),
    ({"age": "twelve"}, ["'age' has 1 text where numbers are expected", "(first on row 3)"]),
    ({"age": "1,234"}, ["'age' is ambiguous", "row 3"]),
    ({"annual_income": "22.300"}, ["'annual_income' is ambiguous", "row 3"]),
    ({"age": "#DIV/0!"}, ["'age' has 1 text", "(first on row 3)"]),
    ({"top_genre": "#REF!"}, ["'top_genre' has 1 of Excel's error values (first on row 3)"]),
    ({"top_genre": dt.date(2026, 1, 31)}, ["'top_genre' has 1 date where text is expected", "row 3"]),
    ({"age": "=20+1"}, ["cell A3 holds a formula that was never calculated", "save it"]),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A file, and what it must get.

    Attributes
    ----------
    name : str
        What is wrong with it, or unusual.
    make : callable
        Writes it into a folder, and gives its path.
    gets : DataFrame or list of str
        The users that are read; or parts of the sentence with which it is refused.
    """

    name: str
    make: Callable[[Path], Path]
    gets: pd.DataFrame | list[str]


def _texts() -> list[Case]:
    """Text files."""
    cases = [
        Case(name, lambda place, content=content: write(place, content), gets)
        for name, (content, gets) in [*READS.items(), *REFUSED.items()]
    ]
    for sep, written, meant in NUMBERS.values():
        content = text(*({"annual_income": value} for value in written), sep=sep)
        gets = users(*({"annual_income": value} for value in meant))
        cases.append(Case(f"{sep!r} {written}", lambda place, content=content: write(place, content), gets))
    for sep, written, said in AMBIGUOUS:
        content = text(*({"annual_income": value} for value in written), sep=sep)
        gets = ["'annual_income' is ambiguous", said, "Export without separators between thousands"]
        cases.append(Case(f"{sep!r} {written}, either way", lambda place, content=content: write(place, content), gets))
    for value in WORDS:
        content = text({}, {"annual_income": value}, {"annual_income": value})
        gets = [
            "'annual_income' has 2 texts where numbers are expected",
            "(first on row 3)",
            "Expected income (USD a year)",
            "Correct the export",
        ]
        cases.append(Case(f"{value!r} as a number", lambda place, content=content: write(place, content), gets))
    return cases


def _tables() -> list[Case]:
    """Parquet files and workbooks."""
    cases = []
    for name, (columns, meant) in PARQUET.items():
        (column,) = columns
        gets: Any = users(*({column: value} for value in meant))
        cases.append(Case(f"Parquet: {name}", lambda place, columns=columns: parquet(place, **columns), gets))
    for columns, said in PARQUET_REFUSED:
        name = ", ".join(f"{column} as {array.type}" for column, array in columns.items())
        cases.append(
            Case(f"Parquet: {name} {len(cases)}", lambda place, columns=columns: parquet(place, **columns), said)
        )
    for name, (rows, changes) in SHEETS.items():
        cases.append(Case(f"Excel: {name}", lambda place, rows=rows: sheet(place, *rows), users(*changes)))
    for changes, said in SHEETS_REFUSED:
        cases.append(
            Case(f"Excel: {changes}", lambda place, changes=changes: sheet(place, user(), user(**changes)), said)
        )
    return cases


def _cut(path: Path, length: float) -> Path:
    """Cut a file short."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * length)])
    return path


def _linked(place: Path, target: str | Path) -> Path:
    """Make a link."""
    (place / "2026-10.csv").symlink_to(target)
    return place / "2026-10.csv"


def _pipe(place: Path) -> Path:
    """Make a pipe that nobody writes into: to open it would be to wait for ever."""
    os.mkfifo(place / "2026-10.csv")
    return place / "2026-10.csv"


def _folder(place: Path) -> Path:
    """Make a folder of a month's name."""
    (place / "2026-10.csv").mkdir()
    return place / "2026-10.csv"


def _bomb(place: Path, *, honest: bool) -> Path:
    """Make a workbook of a few kilobytes that unpacks to a lot: 3 GB as its directory says, or 64 MB that it hides."""
    path = place / "2026-10.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(1000 if honest else 64 << 20))
        archive.filelist[0].file_size = 3 << 30 if honest else 1000
    return path


def _repacked(place: Path, change: Callable[[str], str]) -> Path:
    """Make a workbook of one user whose parts have other names."""
    path = sheet(place, user())
    with zipfile.ZipFile(path) as archive:
        parts = {change(name): archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _stretched(place: Path, more: str) -> Path:
    """Make a workbook with this at the end of its cells, packed well."""
    path = sheet(place, user())
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"</sheetData>", f"{more}</sheetData>".encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _formulas(place: Path, ages: list[int], *, on_opening: bool) -> Path:
    """Make a workbook whose ages are formulas with these values, and which asks Excel to calculate on opening, or doesn't."""
    path = sheet(place, *(user(age=f"=0+{age}") for age in ages))
    for age in set(ages):
        repack(path, "xl/worksheets/sheet1.xml", f"<f>0+{age}</f><v/></c>", f"<f>0+{age}</f><v>{age}</v></c>")
    new = 'fullCalcOnLoad="1"' if on_opening else 'fullCalcOnLoad="0"'
    return repack(path, "xl/workbook.xml", 'fullCalcOnLoad="1"', new)


def _inflated(place: Path, rows: int) -> Path:
    """Make a Parquet file of one user, repeated."""
    same = {name: pa.array([float(value) if name in NUMBER_COLUMNS else value]) for name, value in ONE.items()}
    indices = pa.array(np.zeros(rows, "int32"))
    path = place / "2026-10.parquet"
    pq.write_table(pa.table({name: values.take(indices) for name, values in same.items()}), path, compression="zstd")
    return path


def _unpacking(place: Path) -> Path:
    """Make a Parquet file whose words aren't kept once each: 1.1 GB in a few hundred kilobytes."""
    rows = 1_000
    data = {name: pa.array([float(value) if name in NUMBER_COLUMNS else value]) for name, value in ONE.items()}
    data = {name: values.take(pa.array(np.zeros(rows, "int32"))) for name, values in data.items()}
    path = place / "2026-10.parquet"
    table = pa.table(data | {"top_genre": pa.array(["x" * 110_000] * rows)})
    with pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=False) as file:
        for _ in range(10):
            file.write_table(table)
    return path


def _ended(path: Path, end: bytes) -> Path:
    """Give a file another end."""
    path.write_bytes(path.read_bytes()[: -len(end)] + end)
    return path


def _empty_book(place: Path) -> Path:
    """Make a workbook that holds nothing."""
    openpyxl.Workbook().save(place / "2026-10.xlsx")
    return place / "2026-10.xlsx"


_GOOD = text({}, {})
_FILES = [
    Case("a folder", _folder, ["is a folder, expected a file"]),
    Case("a pipe", _pipe, ["is a pipe or a device"]),
    Case("a device", lambda place: _linked(place, "/dev/zero"), ["is a pipe or a device"]),
    Case("a link to nothing", lambda place: _linked(place, place / "gone.csv"), ["can't be opened"]),
    Case("a link to itself", lambda place: _linked(place, place / "2026-10.csv"), ["can't be opened"]),
    Case("a link to a file", lambda place: _linked(place, write(place, _GOOD, "whole.csv")), users({}, {})),
    Case("no file", lambda place: place / "2026-10.csv", ["can't be opened: No such file"]),
    *(
        Case(f"named {name}", lambda place, name=name: write(place, _GOOD, name), [f"ends in {said}", "one of .csv, .tsv"])
        for name, said in (("m.xls", "'.xls'"), ("m.csv.gz", "'.gz'"), ("m", "'nothing'"), ("m.json", "'.json'"), ("m.ods", "'.ods'"))
    ),
    *(
        Case(f"an empty {name}", lambda place, name=name: write(place, b"", name), ["is empty"])
        for name in ("m.csv", "m.parquet", "m.xlsx")
    ),
    *(
        Case(f"Parquet cut to {part:.0%}", lambda place, part=part: _cut(parquet(place), part), ["can't be read as .parquet", "cut short"])
        for part in (0.001, 0.5, 0.99)
    ),
    *(
        Case(f"Excel cut to {part:.0%}", lambda place, part=part: _cut(sheet(place, user()), part), ["isn't an Excel workbook", "cut short"])
        for part in (0.01, 0.5, 0.99)
    ),
    Case("text called .xlsx", lambda place: write(place, b"age,gender\n", "m.xlsx"), ["isn't an Excel workbook", "doesn't begin as a zip"]),
    Case(
        "a workbook with a password",
        lambda place: write(place, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "m.xlsx"),
        ["isn't an Excel workbook", "has a password"],
    ),
    Case(
        "Excel in its strict form",
        lambda place: repack(sheet(place, user()), "xl/workbook.xml", "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main"),
        ["is a Strict Open XML workbook", "Save it as 'Excel Workbook (*.xlsx)'"],
    ),
    Case("the start of a zip", lambda place: write(place, b"PK\x03\x04" + bytes(99), "m.xlsx"), ["isn't an Excel workbook", "cut short"]),
    Case("a workbook of empty cells", lambda place: _stretched(place, ("<row>" + "<c/>" * 16_000 + "</row>") * 13), ["has more than 200,000 cells, too many for a workbook of", "Delete the empty ones"]),
    Case("a workbook of formatted cells", lambda place: _stretched(place, ("<row>" + '<c s="0"/>' * 16_000 + "</row>") * 13), ["has more than 200,000 cells"]),
    Case("a workbook of rows without end", lambda place: _stretched(place, '<row r="1048577"><c r="A1048577"><v>1</v></c></row>'), ["has more rows than Excel's 1,048,576"]),
    Case("a workbook with a text of 3 MB", lambda place: _stretched(place, f'<row><c t="str"><v>{"x" * 3_000_000}</v></c></row>'), ["has a text of more than 1,048,576 bytes, which no cell can hold"]),
    Case("a workbook with backslashes", lambda place: _repacked(place, lambda name: name.replace("/", "\\")), ["names its parts with backslashes", "save it again as .xlsx"]),
    Case("a workbook without its list of sheets", lambda place: _repacked(place, lambda name: name.replace("workbook.xml", "book.xml")), ["can't be read as .xlsx (KeyError). Expected a whole file", "Open it in Excel or LibreOffice"]),
    Case(
        "a workbook with odd styles",
        lambda place: repack(sheet(place, user()), "xl/styles.xml", 'patternType="gray125"', 'patternType="no such"'),
        ["can't be read as .xlsx (ValueError). Expected a whole file", "Open it in Excel or LibreOffice, save it as .xlsx or as CSV UTF-8"],
    ),
    Case("formulas with their values, to be calculated again", lambda place: _formulas(place, [21, 0], on_opening=True), users({"age": 21.0}, {"age": 0.0})),
    Case("formulas with a made-up 0", lambda place: _formulas(place, [0, 0], on_opening=True), ["cell A2 holds a formula that was never calculated"]),
    Case("formulas of 0", lambda place: _formulas(place, [0, 0], on_opening=False), users({"age": 0.0}, {"age": 0.0})),
    Case("Parquet of more rows than bytes", lambda place: _inflated(place, 190_000), ["has 190,000 rows in", "so that most are copies of others"]),
    Case("Parquet that unpacks to a gigabyte", _unpacking, ["unpacks to 1,1", "expected at most 1,073,741,824 for 10,000 rows"]),
    Case("Parquet with a key", lambda place: _ended(parquet(place), b"PARE"), ["can't be read as .parquet", "it is encrypted"]),
    Case("Parquet whose end isn't there yet", lambda place: _ended(parquet(place), bytes(4)), ["can't be read as .parquet", "it is cut short"]),
    Case("text called .parquet", lambda place: write(place, text({}), "m.parquet"), ["can't be read as .parquet", "it doesn't begin as a Parquet file"]),
    Case("a workbook of nothing", _empty_book, ["is empty on its first sheet"]),
    Case("a zip bomb", lambda place: _bomb(place, honest=True), ["unpacks to 3,221,225,472 bytes", "CSV or Parquet"]),
    Case("a zip bomb that lies", lambda place: _bomb(place, honest=False), ["isn't an Excel workbook", "Bad CRC-32"]),
]  # fmt: skip

# What somebody may write into a category to get at whoever opens the report: read as it stands, but for what can't be seen.
HOSTILE = (
    "=cmd|' /C calc'!A0", '=HYPERLINK("http://192.0.2.1")', "+1+1", "-2+3", "@SUM(A1)", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "&lt;b&gt;", "{{ 7 * 7 }}", "{% include '/etc/passwd' %}",
    "{{< include /etc/passwd >}}", "${7*7}", "$title$", "`{python} 1+1`", "```{python}", "![x](file:///etc/passwd)",
    "[x](javascript:alert(1))", "@fig-sizes", ":::", "\\input{/etc/passwd}", "%s%n", "../../etc/passwd", "'; DROP TABLE users; --",
    "🎧🎶", "👩‍👩‍👧‍👦", "مستمعون شباب", "\u202egnp.exe", "e\u0301", "ﷺ", "\u200b\u200bPop", "Ｐｏｐ", "ß" * 200, "NaN%", "-", "None",
)  # fmt: skip
# What is left where something in it can't be seen, or is put together from two.
SHOWN = {"\u202egnp.exe": "gnp.exe", "e\u0301": "\u00e9", "\u200b\u200bPop": "Pop"}
_HOSTILE = [
    Case(
        f"a genre called {value[:20]!r}",
        lambda place, value=value: write(place, text({"top_genre": f'"{value.replace(chr(34), chr(34) * 2)}"' if chr(34) in value or "," in value else value}, {})),
        users({"top_genre": SHOWN.get(value, value)}, {}),
    )
    for value in HOSTILE
]  # fmt: skip

CORPUS: list[Case] = [*_texts(), *_tables(), *_FILES, *_HOSTILE]

"""A TOML file as a model of what may stand in it; its mistakes are named with their line."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from report.errors import SettingsError
from segmentation.preprocessing.spelling import normalise_text

ModelT = TypeVar("ModelT", bound=BaseModel)
# Words that a person reads or that are compared with others; no path, link or query. Last in an `Annotated`.
TEXT_NORMALISER = BeforeValidator(lambda found: normalise_text(found) if isinstance(found, str) else found)
NormalisedText = Annotated[str, TEXT_NORMALISER]
_RENAMED_KEYS = {
    "starts": "n_init",
    "smallest_base": "min_base",
    "smallest_cell": "min_cell",
    "most_dropped": "max_drop_rate",
}
_MAX_SHOWN_CHARACTERS = 60  # characters of what was found that a message repeats


def read_toml_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read a TOML file as a model; its mistakes are named with their line.

    Raises
    ------
    SettingsError
        If the file can't be read, is no TOML, or doesn't fit the model.
    """
    if path.exists() and not path.is_file():
        raise SettingsError(f"{path}: is a folder, a pipe or a device. Name an ordinary file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return model.model_validate(tomllib.loads(text))
    except OSError as error:
        raise SettingsError(
            f"{path}: can't be read ({error.strerror}). Restore it, or check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: is not UTF-8 text. Save it as UTF-8 and run again.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: {error}. Correct that line and run again.") from error
    except ValidationError as error:
        raise SettingsError(_describe_validation_error(path, text, error, model)) from error
    except (RecursionError, ValueError) as error:  # thousands of brackets, or of digits
        said = str(error).partition(";")[0]
        raise SettingsError(f"{path.name}: can't be read ({said}). Correct it and run again.") from error


def _describe_validation_error(path: Path, text: str, error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first of pydantic's findings for a person."""
    errors = error.errors()
    # a key that isn't known is why one that is needed is missing
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    keys = _strip_pydantic_marks(first["loc"])
    place = _format_key_path(keys, tomllib.loads(text))
    missing = first["type"] == "missing"
    line = find_key_line(text, keys[:-1] if missing else keys)
    at = f"{path.name}, line {line}" if line else path.name
    if first["type"] == "extra_forbidden":
        known = _list_known_keys(model, first["loc"][:-1])
        now = _RENAMED_KEYS.get(str(keys[-1]))
        near = f". It is called {now} now." if now in known else suggest_similar_key(str(keys[-1]), known)
        within = f" in {_format_key_path(keys[:-1], tomllib.loads(text))}" if keys[:-1] else ""
        return f"{at}: unknown key {_truncate_text(repr(keys[-1]))}{within}{near or '.'} Known here: {', '.join(known)}."
    # a value that may be one of several things is refused once for each
    said = list(dict.fromkeys(_format_finding(e) for e in errors if _strip_pydantic_marks(e["loc"]) == keys))
    message = said[0] + "".join(f" or {other.removeprefix('input should be ')}" for other in said[1:])
    # a query may hold a password
    unsaid = first["type"] in ("value_error", "missing") or keys[-1:] == ["query"]
    found = "" if unsaid else f", found {_truncate_text(repr(first['input']))}"
    where = f" {place}:" if place else ""
    stop = "" if (message + found).endswith("?") else "."
    return f"{at}:{where} {message}{found}{stop} Correct it and run again."


def _format_key_path(keys: list[int | str], content: Any) -> str:
    """Name a place as the one who wrote it would: "mail.sender", or "play 'High income', offer"."""
    said = ""
    for key in keys:
        if isinstance(key, str):
            said += ("." if said and not said.endswith(", ") else "") + key
            content = content.get(key) if isinstance(content, dict) else None
            continue
        content = content[key] if isinstance(content, list) and key < len(content) else None
        name = content.get("name") if isinstance(content, dict) else None
        said += f" {_truncate_text(repr(name))}, " if isinstance(name, str) else f", entry {key + 1}, "
    return said.removesuffix(", ")


def _strip_pydantic_marks(place: tuple[int | str, ...]) -> list[int | str]:
    """Give a place as it stands in the file, without pydantic's own marks."""
    return [
        part
        for part in place
        if part not in ("int", "constrained-int", "[key]") and "literal[" not in str(part)
    ]


def _format_finding(finding: ErrorDetails) -> str:
    """Give what pydantic says of a value, in a person's words."""
    words = {
        "model_type": "expected a table of keys",
        "path_type": "input should be text",
        "string_type": "input should be text",
        "float_type": "input should be a number",
        "int_type": "input should be a whole number",
        "string_pattern_mismatch": "expected words",
    }
    message = words.get(finding["type"]) or finding["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _truncate_text(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else text[:_MAX_SHOWN_CHARACTERS] + "…"


def _list_known_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """List the keys that are known at a place."""
    current: Any = model
    for part in place:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            annotation = current.model_fields[part].annotation
            inner = getattr(annotation, "__args__", ())
            current = next((a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), annotation)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def find_key_line(text: str, place: list[int | str]) -> int | None:
    """Find the line of a TOML text on which a key stands, counting from 1; None where it can't be told."""
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    at, end = 0, len(lines)
    for here, part in enumerate(place):
        if isinstance(part, int):
            table = ".".join(str(key) for key in place[:here] if isinstance(key, str))
            head = rf"\s*\[\[\s*{re.escape(table)}\s*\]\]"
            heads = [n for n, line in enumerate(lines) if re.match(head, line)]
            if part < len(heads):
                at, end = heads[part], ([*heads, len(lines)])[part + 1]
            continue
        key = rf"\"?{re.escape(part)}\"?"
        pattern = rf"\s*(\[\[?\s*([\w-]+\.)*{key}\s*\]|([\w-]+\s*\.\s*)*{key}\s*[=.]|[^#]*[{{,]\s*{key}\s*=)"
        found = next((n for n, line in enumerate(lines[at:end], at) if re.match(pattern, line)), None)
        if found is None:
            continue
        at = found
        if lines[at].lstrip().startswith("["):  # its keys stand above the next head
            own = rf"\s*\[\[?\s*([\w-]+\.)*{key}\s*\."  # of a table that stands in this one
            following = (
                n
                for n in range(at + 1, len(lines))
                if lines[n].lstrip().startswith("[") and not re.match(own, lines[n])
            )
            end = next(following, len(lines))
    return at + 1 if lines and place else None


def suggest_similar_key(word: str, known: list[str]) -> str:
    """Ask whether another word was meant, as the end of a sentence; nothing where none is near."""
    # "usage" is no "age" misspelt
    begun = [name for name in known if len(word) > 2 and word in name.split("_")]
    near = begun[:1] or difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

"""Read TOML files as models."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from report.errors import SettingsError
from report.storage.cache import decode_marked_text
from segmentation.preprocessing.spelling import normalise_text

ModelT = TypeVar("ModelT", bound=BaseModel)
# For texts that people read or that are compared; not for paths, links and queries. Comes last in an `Annotated`.
TEXT_NORMALISER = BeforeValidator(lambda found: normalise_text(found) if isinstance(found, str) else found)
NormalisedText = Annotated[str, TEXT_NORMALISER]
_RENAMED_KEYS = {
    "starts": "n_init",
    "smallest_base": "min_base",
    "smallest_cell": "min_cell",
    "most_dropped": "max_drop_rate",
}
_MOVED_KEYS = {"columns": "source", "valid": "valid", "features": "role"}  # of settings.toml, into the columns file
_MAX_SHOWN_CHARACTERS = 60  # of a value that an error message repeats


def read_toml_model(path: Path, model: type[ModelT], context: Any = None) -> ModelT:
    """Read a TOML file as a model, whose validators may ask the context.

    Raises SettingsError if the file can't be read, is no TOML, or doesn't fit the model; with the line of the mistake.
    """
    if path.exists() and not path.is_file():
        raise SettingsError(f"{path}: is a folder, a pipe or a device. Name an ordinary file.")
    try:
        text = decode_marked_text(path.read_bytes())
        return model.model_validate(tomllib.loads(text), context=context)
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
        reason = str(error).partition(";")[0]
        raise SettingsError(f"{path.name}: can't be read ({reason}). Correct it and run again.") from error


def _describe_validation_error(path: Path, text: str, error: ValidationError, model: type[BaseModel]) -> str:
    """Describe the first of pydantic's errors in a sentence."""
    errors = error.errors()
    # an unknown key is why a needed one is missing
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
        if path.name == "settings.toml" and keys[-1] in _MOVED_KEYS and keys[-1] not in known:
            near = f". It moved: write `{_MOVED_KEYS[str(keys[-1])]}` of each column in data/columns.toml."
        within = f" in {_format_key_path(keys[:-1], tomllib.loads(text))}" if keys[:-1] else ""
        return (
            f"{at}: unknown key {_truncate_text(repr(keys[-1]))}{within}{near or '.'} Known here: {', '.join(known)}."
        )
    # a value of several possible types has an error for each
    texts = list(dict.fromkeys(_format_finding(e) for e in errors if _strip_pydantic_marks(e["loc"]) == keys))
    message = texts[0] + "".join(f" or {other.removeprefix('input should be ')}" for other in texts[1:])
    # a query may hold a password
    hidden = first["type"] in ("value_error", "missing") or keys[-1:] == ["query"]
    found = "" if hidden else f", found {_truncate_text(repr(first['input']))}"
    where = f" {place}:" if place else ""
    stop = "" if (message + found).endswith("?") else "."
    return f"{at}:{where} {message}{found}{stop} Correct it and run again."


def _format_key_path(keys: list[int | str], content: Any) -> str:
    """Return a place, such as "mail.sender"."""
    text = ""
    for key in keys:
        if isinstance(key, str):
            text += ("." if text and not text.endswith(", ") else "") + key
            content = content.get(key) if isinstance(content, dict) else None
            continue
        content = content[key] if isinstance(content, list) and key < len(content) else None
        name = content.get("name") if isinstance(content, dict) else None
        text += f" {_truncate_text(repr(name))}, " if isinstance(name, str) else f", entry {key + 1}, "
    return text.removesuffix(", ")


def _strip_pydantic_marks(place: tuple[int | str, ...]) -> list[int | str]:
    """Return a place without pydantic's own marks."""
    return [part for part in place if part not in ("int", "constrained-int", "[key]") and "literal[" not in str(part)]


def _format_finding(finding: ErrorDetails) -> str:
    """Return pydantic's message in plain words."""
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
    """List the known keys at a place."""
    current: Any = model
    for part in place:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            annotation = current.model_fields[part].annotation
            inner = getattr(annotation, "__args__", ())
            current = next((a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), annotation)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def find_key_line(text: str, place: Sequence[int | str]) -> int | None:
    """Return the line of a key or table.

    Ever longer beginnings of the text are read. The first that holds the key ends with its line.
    """
    lines, start, found = text.splitlines(), 0, dict[int, int]()
    for end in range(1, len(lines) + 1):
        try:
            content: Any = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:  # in the middle of a list or a text
            continue
        for depth, key in enumerate(place):
            try:
                content = content[key]
            except (KeyError, IndexError, TypeError):
                break
            found.setdefault(depth, start + 1)
        start = end
    return found[max(found)] if found else None


def suggest_similar_key(word: str, known: list[str]) -> str:
    """Return "; did you mean" and the nearest key."""
    # a whole word of a name means it, before a name that looks alike
    partial = [name for name in known if len(word) > 2 and word in name.split("_")]
    near = partial[:1] or difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

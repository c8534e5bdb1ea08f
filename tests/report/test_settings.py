import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from report.errors import SettingsError
from report.settings import MailSettings, Settings, read_settings
from report.storage import paths
from report.storage.toml_text import find_key_line
from segmentation.options import Options
from tests.support import ROOT
from tests.support.music import MUSIC

MODELS = set(Settings.model_fields) - {"names"}  # sections whose keys are known


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Settings]:
    """Read settings of this text."""

    def read_text(text: str) -> Settings:
        path = tmp_path / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return read_settings(path)

    return read_text


@pytest.fixture
def refused(read: Callable[[str], Settings]) -> Callable[[str], str]:
    """Give the sentence with which settings of this text are refused."""

    def refuse(text: str) -> str:
        with pytest.raises(SettingsError) as error:
            read(text)
        return str(error.value)

    return refuse


def test_an_empty_file_and_none_have_every_default(read: Callable[[str], Settings], tmp_path: Path) -> None:
    """A dial that nobody turned stands where it always stood."""
    assert read("") == read_settings(tmp_path / "none.toml") == Settings()
    assert read("").columns == MUSIC


def test_the_project_s_own_settings_are_the_defaults() -> None:
    """Every value of every section, but for the sample's brand."""
    shipped, usual = read_settings(paths.ROOT / "settings.toml"), Settings()
    brand = {"name": "Cadence", "contact": "insights@example.com"}

    assert shipped == usual.model_copy(update={"brand": usual.brand.model_copy(update=brand)})


def test_what_settings_do_not_say_is_what_a_plan_does_not_say() -> None:
    """A dial has one default, wherever it is asked."""
    assert Settings().build_options() == Options(MUSIC)


def test_every_dial_stands_in_the_shipped_file() -> None:
    """In its section, and commented out where it has no value to begin with; nothing else does."""
    sections: dict[str, set[str]] = {}
    for line in (paths.ROOT / "settings.toml").read_text("utf-8").splitlines():
        if head := re.match(r"\[([\w.]+)\]", line):
            keys = sections[head[1]] = set()
        elif key := re.match(r"(?:# )?(\w+) += ", line):
            keys.add(key[1])
    dials = {name: set(type(getattr(Settings(), name)).model_fields) for name in sections if name in MODELS}

    assert set(sections) == {*Settings.model_fields, "mail.recipients"}
    assert dials["mail"] - sections["mail"] == {"recipients"}
    assert dials | {"mail": sections["mail"]} == {name: sections[name] for name in MODELS}


def test_every_dial_reaches_the_analysis(read: Callable[[str], Settings]) -> None:
    """A number that is read and then forgotten would be worse than one that is refused."""
    plan = read(
        """
        [segments]
        k_range = [2, 8]
        k = 3
        n_init = 7
        seed = 5
        [privacy]
        min_base = 40
        min_cell = 12
        [scale]
        exact_users = 9_000
        grid = 0.1
        """
    ).build_options()

    assert (plan.k_range, plan.k, plan.n_init, plan.seed) == ((2, 8), 3, 7, 5)
    assert (plan.min_base, plan.min_cell) == (40, 12)
    assert (plan.exact_users, plan.grid_step) == (9_000, 0.1)


def test_an_accent_is_written_as_pages_write_colours(read: Callable[[str], Settings]) -> None:
    assert read('[brand]\naccent = "#0B5563"').build_brand().accent == "#0b5563"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[brand]\nnmae = "x"', "line 2: unknown key 'nmae' in brand; did you mean 'name'? Known here: name, "),
        ('\n[brnad]\nname = "x"', "line 2: unknown key 'brnad'; did you mean 'brand'? Known here: brand, "),
        ("zzz = 1", "line 1: unknown key 'zzz'. Known here: brand, "),
        ("[segments]\nk = 1", "line 2: segments.k: input should be 'elbow'"),
        ('[segments]\nk = "elbw"', "line 2: segments.k: input should be 'elbow'"),
        ("[segments]\nk_range = [2, 6]\nk = 9", "line 3: segments.k: 9 lies outside k_range [2, 6]"),
        ("[segments]\nk = 30", "line 2: segments.k: 30 lies outside k_range [1, 10]"),
        ("[segments]\nk_range = [4, 5]", "line 2: segments.k_range: [4, 5] is too narrow to see a bend"),
        (
            "[segments]\nk_range = [0, 9]",
            "line 2: segments.k_range, entry 1: input should be greater than or equal to 1",
        ),
        (
            '[segments]\nfeatures = ["age"]',
            "line 2: unknown key 'features' in segments. It moved: write `role` of each column in ",
        ),
        ("[segments]\nn_init = true", "line 2: segments.n_init: input should be a whole number, found True"),
        ('[segments]\nn_init = "5"', "line 2: segments.n_init: input should be a whole number, found '5'"),
        ("[segments]\nseed = -1", "line 2: segments.seed: input should be greater than or equal to 0, found -1"),
        ("[valid]\nage = [1, 2]", "line 1: unknown key 'valid'. It moved: write `valid` of each column in "),
        ("[columns]\nage = 'x'", "line 1: unknown key 'columns'. It moved: write `source` of each column in "),
        ('[brand]\naccent = "red"', "line 2: brand.accent: 'red' is no colour; expected one like #0b5563"),
        ('[brand]\naccent = "#ffff00"', "line 2: brand.accent: #ffff00 has a contrast of 1.1 to 1 on white"),
        ('[brand]\nname = " "', "line 2: brand.name: string should have at least 1 character"),
        ('brand.name = "x"\nbrand.accent = "#fff"', "line 2: brand.accent: '#fff' is no colour"),
        ('brand = "x"', "line 1: brand: expected a table of keys, found 'x'"),
        ('[page]\npaper = "A5"', "line 2: page.paper: input should be 'A4' or 'Letter', found 'A5'"),
        ("[privacy]\nmin_base = 0", "line 2: privacy.min_base: input should be greater than or equal to 1"),
        (
            '[scale]\nmemory_limit = "much"',
            "line 2: scale.memory_limit: 'much' is no amount of memory; expected one like",
        ),
        ("[scale]\ngrid = 0", "line 2: scale.grid: input should be greater than 0, found 0"),
        ("[scale]\nexact_users = 2e5", "line 2: scale.exact_users: input should be a whole number, found 200000.0"),
        ('[data]\noutput = "a\\u0000b"', "line 2: data.output: a folder's name can't hold a NUL character"),
        ("[data]\nfolder = 3", "line 2: data.folder: input should be text, found 3"),
        ('[mail]\nsendr = "a@example.com"', "line 2: unknown key 'sendr' in mail; did you mean 'sender'? Known here: "),
        ('[mail]\nsender = "a.example.com"', "line 2: mail.sender: 'a.example.com' is no address: "),
        ('[mail]\nsender = "ä@example.com"', "line 2: mail.sender: 'ä@example.com' is no address: "),
        ('[mail]\nreply_to = "a@example.com, b@example.com"', "line 2: mail.reply_to: "),
        (
            '[mail]\nowner = "a@gmail.com"\ndomains = ["example.com"]',
            "line 2: mail.owner: a@gmail.com: mail may go to example.com; add 'gmail.com' to mail.domains, ",
        ),
        (
            '[mail]\ndomains = ["example.com"]\n[mail.recipients]\nS1 = ["a@example.org"]',
            "line 4: mail.recipients.S1, entry 1: a@example.org: mail may go to example.com; add ",
        ),
        (
            '[mail.recipients]\nall = ["a@example.org"]',
            "line 2: mail.recipients.all, entry 1: a@example.org: mail may go to no domain at all; add ",
        ),
        ('[mail.recipients]\nS1 = "a@example.com"', "line 2: mail.recipients.S1: "),
        ('[mail]\nunsubscribe = "javascript:x"', "line 2: mail.unsubscribe: 'javascript:x' is no link; "),
        ('[mail]\nreport = "ftp://a"', "line 2: mail.report: 'ftp://a' is no link; "),
        ('[mail]\nlist_id = "a b"', "line 2: mail.list_id: 'a b' is no list's name; "),
        ("[privacy]\nmin_cell = 1", "line 2: privacy.min_cell: input should be greater than or equal to 2, "),
        ('[names]\ns1 = "Owls"', "line 2: names.s1: 's1' is no segment's id; expected one like S1"),
        ('[names]\nS0 = "Owls"', "line 2: names.S0: 'S0' is no segment's id; "),
        ('[names]\nS1 = " "', "line 2: names.S1: expected a name of 1 to 60 letters that can be printed, found 0"),
        (f'[names]\nS1 = "{"x" * 61}"', "line 2: names.S1: expected a name of 1 to 60 letters"),
        ('[names]\nS1 = "a\\u202eb"', "line 2: names.S1: expected a name of 1 to 60 letters"),
        ("[names]\nS1 = 5", "line 2: names.S1: input should be text"),
        ('[names]\nS1 = "s2"', "line 2: names.S1: 's2' is no name: "),
        ('[names]\nS1 = "All"', "line 2: names.S1: 'All' is no name: "),
        ('[names]\nS1 = "Caf\u00e9"\nS2 = "Cafe\u0301"', "line 1: names: both S1 and S2 are called 'Caf\u00e9'; "),
        ('[names]\nS1 = "Owls"\nS2 = " owls"', "line 1: names: both S1 and S2 are called 'owls'; "),
        ("[mail]\nmax_drop_rate = 5", "line 2: mail.max_drop_rate: input should be less than or equal to 1, "),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_line(refused: Callable[[str], str], text: str, said: str) -> None:
    """Where, what was found, what was expected: one sentence, and it ends as sentences do."""
    sentence = refused(text)

    assert sentence.startswith(f"settings.toml, {said}")
    assert sentence.endswith(".")
    for stumble in ("?.", "..", "[key]", "pydantic", "Settings", "\n"):
        assert stumble not in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [("[brand", "at "), ("k = ", "Invalid value"), ('[brand]\nname = "a"\nname = "b"\n', "Cannot overwrite")],
)
def test_what_is_no_toml_is_refused_with_its_place(refused: Callable[[str], str], text: str, said: str) -> None:
    sentence = refused(text)

    assert sentence.startswith("settings.toml: ")
    assert said in sentence
    assert sentence.endswith("Correct that line and run again.")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Saved by Excel as UTF-16, or as Latin-1 with an umlaut."""
    path = tmp_path / "settings.toml"
    path.write_bytes('[brand]\nname = "Müsik"'.encode("latin-1"))

    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        read_settings(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows' Notepad writes one."""
    path = tmp_path / "settings.toml"
    path.write_bytes(b'\xef\xbb\xbf[page]\npaper = "Letter"')

    assert read_settings(path).page.paper == "Letter"


def test_a_folder_in_the_file_s_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder, a pipe or a device"):
        read_settings(tmp_path)


@pytest.mark.parametrize("text", [f"[segments]\nseed = {'9' * 5000}", f"[mail.recipients]\nall = {'[' * 5000}"])
def test_thousands_of_digits_or_brackets_are_a_sentence(tmp_path: Path, text: str) -> None:
    """Python refuses them in words of its own."""
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"settings.toml: can't be read \(.*\). Correct it and run again"):
        read_settings(tmp_path / "settings.toml")


def test_a_pipe_in_the_file_s_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.toml")
    with pytest.raises(SettingsError, match="is a folder, a pipe or a device"):
        read_settings(tmp_path / "settings.toml")


def test_a_long_value_is_not_repeated_whole(refused: Callable[[str], str]) -> None:
    """The sentence stays one that a person reads."""
    assert len(refused(f'[page]\npaper = "{"x" * 5000}"')) < 250


def test_a_name_is_given_on_one_line(read: Callable[[str], Settings]) -> None:
    """White space is one blank; letters may be any that can be printed."""
    names = read('[names]\nS1 = "  Night\t owls "\nS12 = "Größe & Mehr 🎧"').names
    assert names == {"S1": "Night owls", "S12": "Größe & Mehr 🎧"}


TEXT = """\
# accent = "commented out"
[brand]
name = "Cadence" # accent = no

[[play]]
name = "First"
offer = "a"

[[play]]
name = "Second"
measure = { column = "age", change = 0.1 }

[segments]
k_range = [1, 10]
k = 3
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (["brand"], 2),
        (["brand", "name"], 3),
        (["brand", "accent"], 2),
        (["play", 0, "name"], 6),
        (["play", 1, "name"], 10),
        (["play", 1, "offer"], 9),
        (["play", 1, "measure", "change"], 11),
        (["segments", "k"], 15),
        (["segments", "k_range", 1], 14),
        ([], None),
    ],
)
def test_a_key_s_line_is_found(place: list[Any], line: int | None) -> None:
    """Not in a comment, nor in another table of the same keys; a key that isn't there is named by its table's head."""
    assert find_key_line(TEXT, place) == line


def test_by_default_nobody_gets_mail(read: Callable[[str], Settings]) -> None:
    """As shipped, too: a newcomer's first `make send` reaches no one."""
    for settings in (Settings(), read(""), read_settings(ROOT / "settings.toml")):
        assert (settings.mail.sender, settings.mail.owner, settings.mail.domains) == ("", "", ())
        assert settings.mail.list_recipients("S1", "Heavy listeners") == ()


@pytest.mark.parametrize("domain", ["notexample.com", "example.com.org", "mail.example.com", "xample.com"])
def test_a_domain_that_only_looks_like_ours_is_refused(refused: Callable[[str], str], domain: str) -> None:
    """Mail leaves the company by a letter before or behind its name; a part of the domain has to be named, too."""
    for key in ("owner =", "recipients.all = ["):
        address = f'{key} "ann@{domain}" {"]" * key.endswith("[")}'
        said = refused(f'[mail]\ndomains = ["example.com"]\n{address}')
        assert f"ann@{domain}: mail may go to example.com; add {domain!r} to mail.domains" in said
    with pytest.raises(ValueError, match=r"mail may go to example\.com"):
        MailSettings(domains=["example.com"]).admit_recipient(f"ann@{domain}")


def test_recipients_are_named_by_id_by_name_or_as_all(read: Callable[[str], Settings]) -> None:
    """Each address once, however often and however it is spelt, in the order of the file."""
    mail = read(
        """
        [mail]
        domains = ["Example.com", "@example.org"]
        [mail.recipients]
        s1 = ["ann@example.com"]
        "heavy listeners" = ["ben@example.org", "ANN@example.com"]
        all = ["cay@EXAMPLE.com"]
        S2 = ["dan@example.com"]
        """
    ).mail

    assert mail.list_recipients("S1", "Heavy listeners") == ("ann@example.com", "ben@example.org", "cay@example.com")
    assert mail.list_recipients("S2", "Others") == ("cay@example.com", "dan@example.com")


def test_words_have_one_spelling_and_a_query_stays_as_it_is(read: Callable[[str], Settings]) -> None:
    """What a person reads or what is compared; a blank more or less may mean something in SQL, as after a comment."""
    settings = read(
        """
        brand = { name = "Cafe\u0301\u00a0 mu\u00adsique\u200b", contact = "\u202eann\u202c" }
        scale = { query = "SELECT 'a\u00a0 b' -- all\\nFROM users" }
        mail = { domains = ["example.com"], recipients = { "Zoe\u0308s" = ["ann@example.com"], "\u200bZo\u00ebs" = ["ben@example.com"] } }
        """
    )

    assert (settings.brand.name, settings.brand.contact) == ("Caf\u00e9 musique", "ann")
    assert settings.scale.query == "SELECT 'a\u00a0 b' -- all\nFROM users"
    assert settings.mail.list_recipients("S1", "Zo\u00ebs") == ("ann@example.com", "ben@example.com")


def test_counts_under_ten_are_shown_of_things_alone(read: Callable[[str], Settings]) -> None:
    """A shop has no privacy; a person has."""
    settings = read("[privacy]\nmin_cell = 3")

    assert settings.with_columns(replace(MUSIC, unit="thing")).build_options().min_cell == 3
    with pytest.raises(SettingsError, match=r"privacy\.min_cell is 3, expected 10 or more where a row is a person"):
        settings.with_columns(MUSIC)

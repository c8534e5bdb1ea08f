"""`make columns`: it writes a file once, shows it, and says what to do next."""

from pathlib import Path

import pytest

from report.columns.dictionary import read_columns
from report.errors import InputError, SettingsError
from report.proposal.command import propose_columns
from tests.report.proposal.public_tables import make_campaign, make_telco


@pytest.fixture
def telco(tmp_path: Path) -> Path:
    path = tmp_path / "telco.csv"
    path.write_text(make_telco(), encoding="utf-8")
    return path


def test_a_columns_file_is_written_and_shown(telco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = telco.with_name("shop.toml")

    propose_columns(str(telco), target)

    said = capsys.readouterr().out
    assert read_columns(target).features == ("tenure", "monthly_charges", "total_charges")
    assert "3 features, 17 described, 0 left out" in said
    assert f"make report DATA={telco} COLUMNS={target} MONTH=2026-10" in said


def test_a_file_that_is_there_stays(telco: Path) -> None:
    target = telco.with_name("shop.toml")
    target.write_text("# mine\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="FORCE=yes"):
        propose_columns(str(telco), target)

    assert target.read_text(encoding="utf-8") == "# mine\n"


def test_force_writes_over_it(telco: Path) -> None:
    target = telco.with_name("shop.toml")
    target.write_text("# mine\n", encoding="utf-8")

    propose_columns(str(telco), target, force=True)

    assert "monthly_charges" in target.read_text(encoding="utf-8")


def test_a_refused_file_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("1,2\n3,4\n", encoding="utf-8")

    with pytest.raises(InputError, match="no header"):
        propose_columns(str(tmp_path / "shop.csv"), tmp_path / "shop.toml")

    assert not (tmp_path / "shop.toml").exists()


@pytest.mark.parametrize(
    ("data", "target", "says"),
    [
        ("", "shop.toml", "DATA=file"),
        ("telco.csv", "shop.txt", "ends in .toml"),
        ("telco.csv", "none/shop.toml", "no folder"),
        ("none.csv", "shop.toml", "can't be opened"),
    ],
)
def test_what_is_missing_is_named(telco: Path, data: str, target: str, says: str) -> None:
    with pytest.raises((InputError, SettingsError), match=says):
        propose_columns(str(telco.with_name(data)) if data else "", telco.with_name("x").parent / target)


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reads a file") as caught:
        propose_columns("postgresql://me:hunter2@host/shop", tmp_path / "shop.toml")

    assert "hunter2" not in str(caught.value)


def test_a_target_without_a_name_is_asked_for(telco: Path) -> None:
    with pytest.raises(SettingsError, match="Name the file to write"):
        propose_columns(str(telco), Path())


def test_the_month_is_the_one_asked_for_or_the_files(tmp_path: Path) -> None:
    """A year of birth is counted to it."""
    path = tmp_path / "2025-03.csv"
    path.write_text(make_campaign(), encoding="utf-8")

    named = propose_columns(str(path), tmp_path / "one.toml")
    asked = propose_columns(str(path), tmp_path / "two.toml", month="2026-10")

    values = [next(one.value for one in proposal.columns if one.name == "age") for proposal in (named, asked)]
    assert values == ["2025 - year_birth", "2026 - year_birth"]

"""The configuration: where values come from, which win, and what is said of the bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lingpai_server.config.loader import ConfigError, Loaded, load_config
from lingpai_server.config.model import Config, all_settings


def write(folder: Path, text: str) -> Path:
    file = folder / "lingpai.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems_of(
    file: Path | None = None,
    environ: dict[str, str] | None = None,
    arguments: dict[str, object] | None = None,
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file=file, environ=environ or {}, arguments=arguments)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def test_nothing_given_is_a_working_configuration() -> None:
    loaded = load_config(environ={})
    assert loaded.config.server.port == 8000
    assert set(loaded.sources.values()) == {"default"}


def test_every_default_is_accepted_by_its_own_kind() -> None:
    for setting in all_settings():
        default = setting.default
        given = list(default) if isinstance(default, tuple) else default
        text = "" if given is None else str(given) if isinstance(given, Path) else given
        assert setting.kind.read(text) == default, setting.key


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1001\nworkers = 2\nmax_body_bytes = 2048\n")
    environ = {"LINGPAI_SERVER__PORT": "1002", "LINGPAI_SERVER__WORKERS": "3"}
    loaded = load_config(file=file, environ=environ, arguments={"server.port": 1003})
    server = loaded.config.server
    assert (server.port, server.workers, server.max_body_bytes) == (1003, 3, 2048)
    assert loaded.sources["server.port"] == "--port"
    assert loaded.sources["server.workers"] == "LINGPAI_SERVER__WORKERS"
    assert loaded.sources["server.max_body_bytes"] == f"{file}:server.max_body_bytes"


def test_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1001\n")
    assert load_config(environ={"LINGPAI_CONFIG": str(file)}).config.server.port == 1001


def test_file_in_the_working_folder_is_read() -> None:
    write(Path.cwd(), "[server]\nport = 1001\n")
    assert load_config(environ={}).config.server.port == 1001


def test_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "absent.toml")
    assert "absent.toml: cannot be read: No such file" in problem


@pytest.mark.parametrize("text", ["[server", "port = = 1", "[server]\nport = 1\nport = 2\n"])
def test_broken_toml_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(write(tmp_path, text))
    assert "lingpai.toml: is not TOML" in problem
    assert "(at " in problem


def test_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "lingpai.toml"
    file.write_bytes(b'[server]\nhost = "\xff"\n')
    assert "is not TOML" in problems_of(file)[0]


def test_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    (problem,) = problems_of(write(tmp_path, "[server]\nprot = 8000\n"))
    assert "server.prot: unknown key" in problem
    assert "did you mean server.port?" in problem


def test_unknown_section_names_the_nearest_known_one(tmp_path: Path) -> None:
    (problem,) = problems_of(write(tmp_path, "[sesions]\nidle_seconds = 60\n"))
    assert "did you mean sessions?" in problem


def test_section_that_is_no_table_is_an_error(tmp_path: Path) -> None:
    assert "server: is not a table" in problems_of(write(tmp_path, "server = 1\n"))[0]


def test_unknown_variable_names_the_nearest_known_one() -> None:
    (problem,) = problems_of(environ={"LINGPAI_SERVER__PROT": "8000"})
    assert "did you mean LINGPAI_SERVER__PORT?" in problem


def test_variable_with_one_underscore_is_warned_about() -> None:
    loaded = load_config(environ={"LINGPAI_SERVER_PORT": "tcp://10.0.0.1:80"})
    assert loaded.config.server.port == 8000
    assert "LINGPAI_SERVER__PORT" in loaded.warnings[0]


def test_variables_of_others_are_left_alone() -> None:
    assert load_config(environ={"PATH": "x", "LINGPAI_SEALING_KEY": "k"}).warnings == ()


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, '[server]\nport = 0\nlog_level = "loud"\n[passwords]\nlanes = "two"\n')
    assert len(problems_of(file, {"LINGPAI_SERVER__WORKERS": "many"})) == 4


def test_bad_value_says_where_what_and_what_is_accepted(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 70000\n")
    (problem,) = problems_of(file)
    where, told = f"{file}:server.port", "70000 is out of range"
    assert problem == f"{where}: {told}; accepted: a whole number from 1 to 65535"


@pytest.mark.parametrize("text", ["", "8o00", "8000.5", "٣", "--5", "0x10", "9" * 5000])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    assert "LINGPAI_SERVER__PORT: " in problems_of(environ={"LINGPAI_SERVER__PORT": text})[0]


@pytest.mark.parametrize("value", ["true", "1.0", '"8000"', "[8000]", "1979-05-27"])
def test_toml_value_of_another_type_is_refused(tmp_path: Path, value: str) -> None:
    assert "is not a whole number" in problems_of(write(tmp_path, f"[server]\nport = {value}\n"))[0]


@pytest.mark.parametrize("text", ["yes", "1", ""])
def test_flag_has_two_spellings(text: str) -> None:
    assert problems_of(environ={"LINGPAI_SERVER__ACCESS_LOG": text})


@pytest.mark.parametrize("text", ["true", "TRUE", "True"])
def test_flag_in_the_environment_ignores_case(text: str) -> None:
    loaded = load_config(environ={"LINGPAI_SERVER__ACCESS_LOG": text})
    assert loaded.config.server.access_log is True


def test_networks_are_separated_by_commas_in_the_environment() -> None:
    loaded = load_config(environ={"LINGPAI_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, ::1"})
    assert loaded.config.server.trusted_proxies == ("10.0.0.0/8", "::1/128")


@pytest.mark.parametrize("item", ["10.0.0.1/8", "proxy.example", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(tmp_path: Path, item: str) -> None:
    assert problems_of(write(tmp_path, f'[server]\ntrusted_proxies = ["{item}"]\n'))


def test_path_in_a_file_is_relative_to_that_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[storage]\ndata_dir = "data"\n')
    assert load_config(file=file, environ={}).config.storage.data_dir == tmp_path / "data"


def test_path_in_the_environment_is_relative_to_the_working_folder() -> None:
    config = load_config(environ={"LINGPAI_STORAGE__DATA_DIR": "data"}).config
    assert config.storage.data_dir == Path("data")


@pytest.mark.parametrize(
    ("host", "issuer"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_issuer_defaults_to_the_loopback_address(host: str, issuer: str) -> None:
    loaded = load_config(environ={}, arguments={"server.host": host})
    assert loaded.config.server.issuer == issuer


def test_issuer_is_required_when_the_host_is_not_loopback() -> None:
    (problem,) = problems_of(environ={"LINGPAI_SERVER__HOST": "0.0.0.0"})  # noqa: S104 - a value
    assert "server.issuer: has to be set" in problem


@pytest.mark.parametrize(
    "issuer",
    ["https://id.example", "https://id.example/tenant", "http://127.0.0.1:1", "http://[::1]:9"],
)
def test_issuer_may_be_https_or_loopback(issuer: str) -> None:
    assert load_config(environ={"LINGPAI_SERVER__ISSUER": issuer}).config.server.issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "https://id.example/",
        "https://id.example?x=1",
        "https://id.example#x",
        "https://id.example?",
        "https://user@id.example",
        "https://ID.example",
        "https://id.example:99999",
        "https://id.example:port",
        "https://",
        "id.example",
        "ftp://id.example",
        "https://id.exämple",
        "https://id.example/a b",
        "http://127.0.0.1.id.example",
        "https://[id.example",
    ],
)
def test_issuer_that_verifiers_would_refuse_is_refused(issuer: str) -> None:  # RFC 8414 section 2
    assert problems_of(environ={"LINGPAI_SERVER__ISSUER": issuer})


@pytest.mark.parametrize(
    "text",
    [
        "[sessions]\nidle_seconds = 7200\nabsolute_seconds = 3600\n",
        "[sessions]\nidle_seconds = 60\ngrace_seconds = 60\n",
        "[passwords]\nmemory_kib = 8192\nlanes = 64\niterations = 0\n",
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, text: str) -> None:
    assert problems_of(write(tmp_path, text))


def test_the_tree_cannot_be_changed() -> None:
    loaded: Loaded = load_config(environ={})
    with pytest.raises(AttributeError):
        loaded.config.server.port = 1  # type: ignore[misc]  # the point of the test


def test_the_default_tree_equals_what_the_loader_makes_of_nothing() -> None:
    assert load_config(environ={}).config.sessions == Config().sessions


def test_calls_to_the_own_machine_are_for_an_issuer_on_loopback() -> None:
    environ = {"LINGPAI_OUTGOING__LOOPBACK": "true"}
    assert load_config(environ=environ).config.outgoing.loopback
    elsewhere = environ | {"LINGPAI_SERVER__ISSUER": "https://id.example"}
    (problem,) = problems_of(environ=elsewhere)
    assert problem.startswith("LINGPAI_OUTGOING__LOOPBACK: does not go with server.issuer")

"""Mistakes that show only between the keys of a target file."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from chaos.contract import Observability
from chaos.contract.values import AlertName
from chaos.target_checks import check
from tests.certificates import certificates

ECHO = '[start]\nimage = "x"\n[endpoints.echo]\npath = "/ws"\n'


def said(text: str, directory: Path = Path()) -> list[str]:
    """What the checks say, as it is printed."""
    found = check(tomllib.loads(text), directory=directory)
    return ["\n".join(mistake.lines(file="FILE", line=None)).removeprefix("FILE: ") for mistake in found]


def test_nothing_to_say() -> None:
    assert said(ECHO) == []
    assert said("") == []


BREAKER = (
    "[upstream]\nenvironment = 'U'\n[endpoints.data]\npath = '/d'\nsend = 'x'\nlive = 'x'\ncached = 'y'\n[promises.breaker]\n"
    "failure_threshold = 5\nrecovery_timeout = '1s'\ncall_timeout = '0.5s'\nanswer_within = '1s'\n"
)
"""A breaker, and all that it takes to test it."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            '[endpoints.echo]\nexpect = "({n}"\nsend = "{n}"',
            """\
            endpoints.echo.expect is no regular expression: missing ), unterminated subpattern at position 0
                found:   "({n}\"""",
            id="a regular expression that does not compile",
        ),
        pytest.param(
            "[endpoints.echo]\nexpect = '\\{n}'",
            """\
            endpoints.echo.expect is no regular expression: invalid group reference 1 at position 1
                found:   "\\\\{n}\"""",
            id="one that is none once the number stands in it",
        ),
        pytest.param(
            '[endpoints.feed]\nmessage = "*"',
            """\
            endpoints.feed.message is no regular expression: nothing to repeat at position 0
                found:   "*\"""",
            id="another one",
        ),
        pytest.param(
            '[endpoints.feed]\nsequence = "(?:[0-9]+)"',
            """\
            endpoints.feed.sequence has no group, and group 1 is the broadcast's number
                found:   "(?:[0-9]+)"
                allowed: a regular expression with the number in parentheses, such as '"seq": ([0-9]+)'""",
            id="a sequence without its group",
        ),
        pytest.param(
            '[endpoints.echo]\nsend = "ping"\nexpect = "pong {n}"',
            """\
            endpoints.echo.send has no {n}, but expect = "pong {n}" awaits the number that was sent; did you mean "ping {n}"?
                found:   "ping"
                allowed: send with {n} in it, or expect without""",
            id="a number that is never sent",
        ),
        pytest.param(
            '[endpoints.echo]\nsend = "ping"',
            """\
            endpoints.echo.send has no {n}, but expect (by default "{n}") awaits the number that was sent; did you mean "ping {n}"?
                found:   "ping"
                allowed: send with {n} in it, or expect without""",
            id="a number that is awaited by default",
        ),
        pytest.param(
            '[endpoints.notices]\nsend = "ping"\nexpect = "{n}"',
            """\
            endpoints.notices.send has no {n}, but expect = "{n}" awaits the number that was sent; did you mean "ping {n}"?
                found:   "ping"
                allowed: send with {n} in it, or expect without""",
            id="a number that is never sent to notices",
        ),
        pytest.param(
            '[endpoints.notices]\nidle_warning = "x"\n[promises.liveness]\nidle_timeout = "2s"\nidle_warning = "2000ms"',
            """\
            promises.liveness.idle_warning is not shorter than idle_timeout: the warning would come before the client is idle
                found:   idle_warning = 2s, idle_timeout = 2s
                allowed: less than 2s: how long before the idle close the client is warned""",
            id="a warning before the connection",
        ),
        pytest.param(
            "[promises.breaker]\nfailure_threshold = 5\nrecovery_timeout = '1s'\nwaits_for = '500ms'\ncall_timeout = '0.5s'"
            "\nanswer_within = '1s'\n[upstream]\nenvironment = 'U'\n[endpoints.data]\npath = '/d'\nsend = 'x'\nlive = 'x'\ncached = 'y'",
            """\
            promises.breaker.waits_for is not shorter than call_timeout: a call that takes longer than that has failed
                found:   waits_for = 500ms, call_timeout = 500ms
                allowed: less than 500ms: how late an answer may come and still be one""",
            id="a call that is waited for when it has failed",
        ),
        pytest.param(
            BREAKER + "backoff = 2\nlongest_timeout = '500ms'",
            """\
            promises.breaker.longest_timeout is shorter than recovery_timeout: it is what that grows to
                found:   longest_timeout = 500ms, recovery_timeout = 1s
                allowed: 1s or longer""",
            id="a timeout that shrinks as it grows",
        ),
        pytest.param(
            BREAKER + "failure_rate = 0.5\nwindow = '10s'\nminimum_calls = 6",
            """\
            promises.breaker.minimum_calls is reached before failure_threshold: failures in a row would open the circuit by their rate first
                found:   minimum_calls = 6, failure_threshold = 5
                allowed: more than 6, or the failure_threshold by which it opens first""",
            id="a row that is never reached",
        ),
        pytest.param(
            BREAKER + "failure_rate = 0.5\nminimum_calls = 12",
            """\
            promises.breaker.failure_rate cannot be tested without promises.breaker.window: it is the share of the calls in it
                allowed: declare promises.breaker.window, or leave promises.breaker.failure_rate out (its scenarios are then skipped)""",
            id="a rate of no window",
        ),
        pytest.param(
            BREAKER + "minimum_calls = 12",
            """\
            promises.breaker.minimum_calls cannot be tested without promises.breaker.failure_rate: it is from when on that counts
                allowed: declare promises.breaker.failure_rate, or leave promises.breaker.minimum_calls out (its scenarios are then skipped)""",
            id="a minimum of no rate",
        ),
        pytest.param(
            '[promises.closing]\nclose_timeout = "2s"\nclose_answer_within = "2000ms"',
            """\
            promises.closing.close_answer_within is not shorter than close_timeout: whoever is waited for until then is released by then
                found:   close_answer_within = 2s, close_timeout = 2s
                allowed: less than 2s: an answer to the close frame that is waited for""",
            id="an answer after the end",
        ),
        pytest.param(
            '[promises.liveness]\nheartbeat_timeout = "2s"',
            """\
            promises.liveness.heartbeat_timeout cannot be tested without promises.liveness.heartbeat_interval: a dead peer is found within both together
                allowed: declare promises.liveness.heartbeat_interval, or leave promises.liveness.heartbeat_timeout out (its scenarios are then skipped)""",
            id="a timeout of no heartbeat",
        ),
        pytest.param(
            "[promises.liveness]\nage_code = 4001",
            """\
            promises.liveness.age_code cannot be tested without promises.liveness.max_age: it is the code of that close
                allowed: declare promises.liveness.max_age, or leave promises.liveness.age_code out (its scenarios are then skipped)""",
            id="a code of no age",
        ),
        pytest.param(
            "[promises.liveness]\nidle_code = 4001",
            """\
            promises.liveness.idle_code cannot be tested without promises.liveness.idle_timeout: it is the code of that close
                allowed: declare promises.liveness.idle_timeout, or leave promises.liveness.idle_code out (its scenarios are then skipped)""",
            id="a code of no idle timeout",
        ),
        pytest.param(
            '[promises.observability]\nfull = "*"\n[statistics]\nalerts = "/alerts"',
            """\
            promises.observability.full is no regular expression: nothing to repeat at position 0
                found:   "*\"""",
            id="an alert that is no regular expression",
        ),
        pytest.param(
            '[promises.observability]\nfull = "full"\n[statistics]\npath = "/stats"',
            """\
            promises.observability.full cannot be tested without statistics.alerts: it is where alerts are shown
                allowed: declare statistics.alerts, or leave promises.observability.full out (its scenarios are then skipped)""",
            id="an alert that nobody can see",
        ),
        pytest.param(
            '[promises.observability.nearly_full]\nalert = "high"\n[statistics]\nalerts = "/alerts"',
            """\
            promises.observability.nearly_full cannot be tested without promises.rejection.max_connections: it is a share of that
                allowed: declare promises.rejection.max_connections, or leave promises.observability.nearly_full out (its scenarios are then skipped)""",
            id="a share of no limit",
        ),
        pytest.param(
            """\
            [promises.observability]
            nearly_full = { alert = "high", above = 0.8 }
            very_full = { alert = "critical", above = 0.8 }
            [promises.rejection]
            max_connections = 100
            [statistics]
            alerts = "/alerts\"""",
            """\
            promises.observability.very_full.above is not more than nearly_full: two alerts that come together are one
                found:   very_full above 0.8, nearly_full above 0.8
                allowed: more than 0.8 and at most 1: the share of the limit above which the more urgent one comes""",
            id="two alerts that come together",
        ),
        pytest.param(
            '[promises.observability]\ncounted_within = "1s"',
            """\
            promises.observability.counted_within cannot be tested without statistics: it is where counters are shown
                allowed: declare statistics, or leave promises.observability.counted_within out (its scenarios are then skipped)""",
            id="counters that nobody can see",
        ),
        pytest.param(
            '[promises.settings.refused]\nLIMIT = ["0"]',
            """\
            promises.settings.refused cannot be tested without promises.settings.refused_within: it says how long that may take
                allowed: declare promises.settings.refused_within, or leave promises.settings.refused out (its scenarios are then skipped)""",
            id="a refusal without its time",
        ),
        pytest.param(
            '[promises.settings]\nrefused_within = "1s"\n[promises.settings.refused]\n"A=B" = ["0"]',
            """\
            promises.settings.refused."A=B" is no name of a variable
                allowed: a name without = and NUL""",
            id="a setting that is no variable",
        ),
        pytest.param(
            '[promises.settings.max_connections.environment]\nLIMIT = "1\\u00000"',
            """\
            promises.settings.max_connections.environment.LIMIT has a NUL in it
                found:   "1\\u00000\"""",
            id="a value that no process can be given",
        ),
        pytest.param(
            '[promises.delivery]\nbroadcast_interval = "1s"',
            """\
            promises.delivery.broadcast_interval cannot be tested without endpoints.feed: it is where broadcasts are received
                allowed: declare endpoints.feed, or leave promises.delivery.broadcast_interval out (its scenarios are then skipped)""",
            id="delivery without a feed",
        ),
        pytest.param(
            '[promises.delivery]\nresume_within = "5s"',
            """\
            promises.delivery.resume_within cannot be tested without endpoints.resumable: it says how a client comes back to its session
                allowed: declare endpoints.resumable, or leave promises.delivery.resume_within out (its scenarios are then skipped)""",
            id="a way back that nobody knows",
        ),
        pytest.param(
            '[endpoints.resumable]\nresume = "/ws?session={token}"',
            """\
            endpoints.resumable.resume has no {last}
                found:   "/ws?session={token}"
                allowed: text with {token} and {last} in it""",
            id="a way back to nowhere",
        ),
        pytest.param(
            "[endpoints.resumable]\ngreeting = 'session'",
            """\
            endpoints.resumable.greeting has no group, and group 1 is the session's token
                found:   "session"
                allowed: a regular expression with the token in parentheses, such as '"session": "([^"]+)"'""",
            id="a greeting without its token",
        ),
        pytest.param(
            "[endpoints.data]\n[promises.breaker]",
            """\
            promises.breaker cannot be tested without upstream: the suite fails the upstream to open the breaker
                allowed: declare upstream, or leave promises.breaker out (its scenarios are then skipped)""",
            id="a breaker without an upstream",
        ),
        pytest.param(
            "[upstream]\n[promises.breaker]",
            """\
            promises.breaker cannot be tested without endpoints.data: its answers show whether the breaker is open
                allowed: declare endpoints.data, or leave promises.breaker out (its scenarios are then skipped)""",
            id="a breaker without an endpoint",
        ),
        pytest.param(
            '[promises.settings]\naccept_breaker_off = { THRESHOLD = "999" }',
            """\
            promises.settings.accept_breaker_off cannot be tested without promises.accept_breaker: it is what is switched off
                allowed: declare promises.accept_breaker, or leave promises.settings.accept_breaker_off out (its scenarios are then skipped)""",
            id="a switch of a breaker that is not there",
        ),
        pytest.param(
            '[promises.settings.max_requests]\npromised = 60\nenvironment = { MAX_REQUESTS = "50" }',
            """\
            promises.settings.max_requests cannot be tested without promises.recovery.worker_within: it says when another worker serves
                allowed: declare promises.recovery.worker_within, or leave promises.settings.max_requests out (its scenarios are then skipped)""",
            id="a worker that is recycled without its time",
        ),
        pytest.param(
            "[upstream]\n[promises.accept_breaker]",
            """\
            promises.accept_breaker cannot be tested without endpoints.gated: establishment there goes through the breaker
                allowed: declare endpoints.gated, or leave promises.accept_breaker out (its scenarios are then skipped)""",
            id="an accept breaker without an endpoint",
        ),
        pytest.param(
            "[endpoints.notices]\n[promises.rejection]\nwarning_threshold = 0.8",
            """\
            promises.rejection.warning_threshold cannot be tested without endpoints.notices.load_warning: it says how a warning is recognised
                allowed: declare endpoints.notices.load_warning, or leave promises.rejection.warning_threshold out (its scenarios are then skipped)""",
            id="a warning that cannot be recognised",
        ),
        pytest.param(
            "[promises.rejection]\nmax_connections = 5\n[promises.establishment]\nsimultaneous = 6",
            """\
            promises.establishment.simultaneous asks for more connections than the server holds (promises.rejection.max_connections)
                found:   6
                allowed: at most 5""",
            id="more at once than the limit",
        ),
        pytest.param(
            "[promises.rejection]\nmax_connections = 5\n[promises.establishment]\nramp = [1, 9, 2]",
            """\
            promises.establishment.ramp asks for more connections than the server holds (promises.rejection.max_connections)
                found:   9
                allowed: at most 5""",
            id="a ramp beyond the limit",
        ),
        pytest.param(
            '[promises.rejection]\nanswer = "close-1013"\nretry_after = true',
            """\
            promises.rejection.retry_after goes with answer = "http-503" only: a close frame has no headers
                found:   true
                allowed: false""",
            id="a header without a response",
        ),
        pytest.param(
            '[statistics]\nconnections = "$.connections.total"',
            """\
            statistics.connections is no JSON pointer; did you mean "/connections/total"?
                found:   "$.connections.total"
                allowed: a JSON pointer (RFC 6901), such as "/connections/total\"""",
            id="a JSON path for a pointer",
        ),
        pytest.param(
            '[statistics]\nconnections = "ws_connections"',
            """\
            statistics.connections is no JSON pointer; did you mean "/ws_connections"?
                found:   "ws_connections"
                allowed: a JSON pointer (RFC 6901), such as "/connections/total"; the name of a metric, where format = \
"prometheus" says so""",
            id="a metric where nothing says that it is one",
        ),
        pytest.param(
            '[statistics]\nformat = "prometheus"\ntasks = "/tasks"',
            """\
            statistics.tasks is no Prometheus metric
                found:   "/tasks"
                allowed: a metric's name, with labels where it has some, such as 'ws_connections{endpoint="echo"}'""",
            id="a pointer for a metric",
        ),
        pytest.param(
            '[statistics]\nformat = "prometheus"\nupstream_breaker = "breaker_state"',
            """\
            statistics.upstream_breaker is a number, and nothing says which state each number is
                allowed: breaker_states beside it, such as {closed = 0, open = 1, half-open = 2}""",
            id="a breaker's number without its meaning",
        ),
        pytest.param(
            '[endpoints.echo.headers]\n"X Odd" = "1"',
            """\
            endpoints.echo.headers."X Odd" is no name of a header
                allowed: letters, digits and !#$%&'*+-.^_`|~""",
            id="a header's name with a blank",
        ),
        pytest.param(
            '[endpoints.echo.headers]\nX-Odd = "1\\r\\nX-More: 2"',
            """\
            endpoints.echo.headers.X-Odd has a control character in its value
                found:   "1\\r\\nX-More: 2\"""",
            id="a header in a header",
        ),
        pytest.param(
            '[endpoints.echo]\nsubprotocol = "chat, superchat"',
            """\
            endpoints.echo.subprotocol is no subprotocol's name
                found:   "chat, superchat"
                allowed: one name, of letters, digits and !#$%&'*+-.^_`|~""",
            id="two subprotocols",
        ),
        pytest.param(
            '[promises.survival.unauthorized]\n"no key" = { Sec-WebSocket-Key = "" }',
            """\
            promises.survival.unauthorized."no key".Sec-WebSocket-Key belongs to the handshake, which the suite writes itself""",
            id="a broken handshake among those that have no right",
        ),
        pytest.param(
            '[upstream]\n[endpoints.gated]\n[promises.accept_breaker]\nown_failure = { Sec-WebSocket-Key = "" }',
            "promises.accept_breaker.own_failure.Sec-WebSocket-Key belongs to the handshake, which the suite writes itself",
            id="a broken handshake as a failure of one's own",
        ),
        pytest.param(
            '[endpoints.feed.headers]\n"X Odd" = "1"',
            """\
            endpoints.feed.headers."X Odd" is no name of a header
                allowed: letters, digits and !#$%&'*+-.^_`|~""",
            id="a header's name with a blank, elsewhere",
        ),
        pytest.param(
            '[endpoints.gated]\nsubprotocol = "a b"',
            """\
            endpoints.gated.subprotocol is no subprotocol's name
                found:   "a b"
                allowed: one name, of letters, digits and !#$%&'*+-.^_`|~""",
            id="two subprotocols, elsewhere",
        ),
        pytest.param(
            '[endpoints.echo.headers]\nconnection = "keep-alive"',
            "endpoints.echo.headers.connection belongs to the handshake, which the suite writes itself",
            id="a header of the handshake",
        ),
        pytest.param(
            '[endpoints.data.headers]\nSec-WebSocket-Protocol = "chat"',
            "endpoints.data.headers.Sec-WebSocket-Protocol belongs to the handshake, which the suite writes itself; "
            "did you mean endpoints.data.subprotocol?",
            id="a subprotocol as a header",
        ),
        pytest.param(
            '[start]\ncommand = ["{python}", "--port={prot}"]',
            """\
            start.command has {prot}, which is not filled in; did you mean {port}?
                found:   "--port={prot}"
                allowed: {python}, {host}, {port}""",
            id="a misspelt placeholder",
        ),
        pytest.param(
            '[start]\ndirectory = "nowhere"',
            """\
            start.directory is not a directory
                found:   "nowhere"
                allowed: a directory, relative to the target file""",
            id="a directory that is not there",
        ),
        pytest.param(
            '[start]\nbuild = "nowhere"',
            """\
            start.build is not a directory
                found:   "nowhere"
                allowed: a directory with a Dockerfile, relative to the target file""",
            id="a build directory that is not there",
        ),
        pytest.param(
            '[start]\nattach = "wss://localhost:8443"',
            """\
            start.attach speaks TLS, and nothing says how its certificate is known
                found:   "wss://localhost:8443"
                allowed: a [tls] table with the server_name that stands in its certificate, or ws://""",
            id="an address that speaks TLS and no word of it",
        ),
        pytest.param(
            '[start]\nattach = "ws://localhost:8443"\n[tls]\nserver_name = "example.test"',
            """\
            start.attach speaks no TLS, and the [tls] table says that the server does; did you mean "wss://localhost:8443"?
                found:   "ws://localhost:8443"
                allowed: wss://, or no [tls] table""",
            id="TLS at an address that speaks none",
        ),
        pytest.param(
            '[tls]\nserver_name = "example.test"\nca = "ca.pem"',
            """\
            tls.ca is not a file
                found:   "ca.pem"
                allowed: a file of certificates in PEM, relative to the target file""",
            id="certificates that are not there",
        ),
        pytest.param(
            '[tls]\nserver_name = "example.test"\nca = "ca\\u0000"',
            """\
            tls.ca is not a file
                found:   "ca\\u0000"
                allowed: a file of certificates in PEM, relative to the target file""",
            id="a path that no file has",
        ),
        pytest.param(
            '[tls]\nserver_name = "example.test"\nca = "ca.pem"\nverify = false',
            """\
            tls.ca is for nothing: tls.verify is false
                found:   "ca.pem"
                allowed: verify = true, or no ca""",
            id="certificates that nobody looks at",
        ),
        pytest.param(
            '[start]\nattach = "wss://127.0.0.1:1"\n[tls]\nserver_name = "a.test"\n'
            'issued = {certificate = "CERTIFICATE", key = "KEY"}',
            """\
            tls.issued goes with a server that the suite starts: one that runs already does not find the files
                allowed: start.command, start.image or start.build, or tls.ca for a certificate of the server's own""",
            id="a certificate for a server that does not find it",
        ),
    ],
)
def test_one_mistake(tmp_path: Path, text: str, message: str) -> None:
    assert said(text, tmp_path) == [dedent(message)]


ALERTS = [name for name, field in Observability.model_fields.items() if field.annotation == AlertName | None]


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_a_regular_expression_and_has_to_be_shown_somewhere(alert: str) -> None:
    assert "full" in ALERTS
    declared = f'[promises.observability]\n{alert} = "*"\n[statistics]\npath = "/stats"'
    assert [line.splitlines()[0] for line in said(declared) if alert in line] == [
        f"promises.observability.{alert} is no regular expression: nothing to repeat at position 0",
        f"promises.observability.{alert} cannot be tested without statistics.alerts: it is where alerts are shown",
    ]


def test_a_build_directory_without_a_dockerfile(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    text = '[start]\nbuild = "docker"'
    assert said(text, tmp_path)[0].startswith("start.build has no Dockerfile in it\n")
    (tmp_path / "Dockerfile").touch()
    assert said(text, tmp_path)[0].startswith('start.build has no Dockerfile in it; did you mean "."?\n')
    (tmp_path / "docker" / "Dockerfile").touch()
    assert said(text, tmp_path) == []


def test_a_certificate_has_one_who_vouches_for_it(tmp_path: Path) -> None:
    certificates(tmp_path, "a.test")
    image = '[start]\nimage = "x"\n[tls]\nissued = {certificate = "CERTIFICATE", key = "KEY"}\n'
    assert said(image, tmp_path) == []
    issued = '[start]\ncommand = ["x"]\n[tls]\nissued = {certificate = "CERTIFICATE", key = "KEY"}\n'
    assert said(issued, tmp_path) == []
    assert said(issued + 'ca = "ca.pem"', tmp_path) == [
        "tls.ca is for nothing: what tls.issued issues is vouched for by the suite's own\n"
        '    found:   "ca.pem"\n    allowed: one of both'
    ]


def test_certificates_that_are_none(tmp_path: Path) -> None:
    text = '[tls]\nserver_name = "example.test"\nca = "ca.pem"'
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    assert said(text, tmp_path)[0].startswith("tls.ca holds no certificate\n")
    (tmp_path / "ca.pem").write_text("")
    assert said(text, tmp_path)[0].startswith("tls.ca holds no certificate\n")
    certificates(tmp_path, "example.test")
    assert said(text, tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        '[endpoints.echo]\nsend = "a {n}"\nexpect = "ok"',
        '[endpoints.echo]\nsend = "{n}"\nexpect = "a{2}b{n}"',
        '[statistics]\nformat = "prometheus"\nconnections = "ws_open"',
        '[statistics]\npath = "stats"\nformat = "json"',
        '[statistics]\nformat = "prometheus"\nupstream_breaker = "b"\nbreaker_states = {closed = 0, open = 1}',
        '[start]\ncommand = ["server", "{}", "{verbose}", "${HOME}"]',
        '[endpoints.feed.headers]\nOrigin = "https://shop.example"\nAuthorization = "Bearer x"',
        "[promises.rejection]\nmax_connections = 5\n[promises.establishment]\nsimultaneous = 5",
        '[start]\nattach = "wss://localhost:8443"\n[tls]\nserver_name = "example.test"\nverify = false',
        '[start]\nattach = "ws://localhost:8080"',
    ],
)
def test_what_is_fine(tmp_path: Path, text: str) -> None:
    assert said(text, tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        'start = 3\nendpoints = "x"\nstatistics = []\npromises = 1',
        "[endpoints]\necho = 1\nfeed = []\n[promises]\nliveness = 3\nrejection = 4\nestablishment = []",
        "[endpoints.echo]\nsend = 1\nexpect = 2\nheaders = 3\n[endpoints.feed]\nsequence = 4",
        "[promises.liveness]\nidle_timeout = 1\nidle_warning = []\n[endpoints.notices]\nidle_warning = 1",
        "[promises.establishment]\nramp = ['x']\nsimultaneous = true\n[promises.rejection]\nmax_connections = 1",
        "[start]\ncommand = [1]\nbuild = 2\ndirectory = 3",
        "[start]\nattach = 1\n[tls]\nca = 3\nverify = 1",
        "tls = 1",
    ],
)
def test_values_of_the_wrong_kind_are_left_to_the_models(tmp_path: Path, text: str) -> None:
    assert said(text, tmp_path) == []

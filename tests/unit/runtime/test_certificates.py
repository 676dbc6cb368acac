"""Certificates that the suite issues: for one deployment, and vouched for by nobody else."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from chaos.errors import ToolMissing, Unsupported
from chaos.runtime.attached import AttachedRuntime
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.certificates import certified
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.engine import Engine
from chaos.runtime.health import fetch, speaking
from chaos.runtime.owner import Owner
from chaos.runtime.processes import ProcessesRuntime
from chaos.target import IssuedCertificate, Target, Tls
from chaos.target_file import load_target

from .deploying import stub_target

REFERENCE = Path(__file__).parents[3] / "targets" / "reference"
TLS = Tls(server_name="server.test", issued=IssuedCertificate(certificate="CERTIFICATE", key="KEY"))


def issuing(tls: Tls = TLS) -> Target:
    return stub_target().model_copy(update={"tls": tls})


def test_the_server_is_told_of_its_files_and_the_clients_of_who_vouches(tmp_path: Path) -> None:
    target, variables = certified(issuing(), directory=tmp_path)
    assert target.tls is not None
    assert target.tls.ca is not None
    assert set(variables) == {"CERTIFICATE", "KEY"}
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(variables["CERTIFICATE"], variables["KEY"])
    ssl.create_default_context(cafile=target.tls.ca)
    assert Path(variables["KEY"]).stat().st_mode & 0o077 == 0
    assert {Path(path).parent for path in (target.tls.ca, *variables.values())} == {tmp_path}


def test_clients_that_verify_nothing_are_told_of_nobody(tmp_path: Path) -> None:
    target, _ = certified(issuing(TLS.model_copy(update={"verify": False})), directory=tmp_path)
    assert target.tls is not None
    assert target.tls.ca is None


@pytest.mark.parametrize("tls", [None, Tls(server_name="server.test")])
def test_a_target_that_asks_for_none_stays_as_it_is(tls: Tls | None, tmp_path: Path) -> None:
    target = stub_target().model_copy(update={"tls": tls})
    assert certified(target, directory=tmp_path) == (target, {})
    assert list(tmp_path.iterdir()) == []


def test_without_what_issues_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ToolMissing) as caught:
        certified(issuing(), directory=tmp_path)
    assert str(caught.value) == (
        "target.toml: tls.issued asks for a certificate, and trustme, which issues it, is not installed; install it "
        "(pip install trustme), or give the server a certificate of its own and declare tls.ca"
    )


def test_a_server_that_runs_already_would_not_find_it(owner: Owner) -> None:
    with pytest.raises(Unsupported) as caught:
        AttachedRuntime().deploy(issuing(), owner=owner, options=RuntimeOptions())
    assert str(caught.value) == (
        "target.toml: tls.issued goes with --chaos-runtime=processes or containers; for attached give the server a "
        "certificate of its own and declare tls.ca"
    )


def test_a_container_has_its_own_copies(engine: Engine, owner: Owner) -> None:
    """Read by the image's own user, who is not root, at each of its starts."""
    target = load_target(REFERENCE / "tls.toml")
    with ContainersRuntime(engine).deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        known = deployment.target.tls
        assert known is not None
        over_tls = speaking(known, deployment.dial)
        assert fetch(deployment.server.address, "/health", dial=over_tls, within=5)[0] == 200
        deployment.server.kill()
        deployment.server.start()
        assert fetch(deployment.server.address, "/health", dial=over_tls, within=5)[0] == 200


def test_the_reference_server_is_deployed_over_tls(owner: Owner) -> None:
    target = load_target(REFERENCE / "tls.toml")
    with ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        known = deployment.target.tls
        assert known is not None
        assert known.ca is not None
        assert Path(known.ca).parent == deployment.directory
        over_tls = speaking(known, deployment.dial)
        assert fetch(deployment.server.address, "/health", dial=over_tls, within=5)[0] == 200
        with pytest.raises(ConnectionResetError):
            fetch(deployment.server.address, "/health", dial=deployment.dial, within=5)
        deployment.server.kill()
        deployment.server.start()
        assert fetch(deployment.server.address, "/health", dial=over_tls, within=5)[0] == 200
        directory = deployment.directory
    assert not directory.exists()
